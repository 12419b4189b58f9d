# Images of the functions.

resource "google_artifact_registry_repository" "main" {
  repository_id = "lapidary"
  location      = var.region
  format        = "DOCKER"
  description   = "One image for each function, tagged with the commit, deployed by digest."

  # Tags may move: what runs is named by digest, a build that is repeated pushes its commit's tag once more, and an
  # image under a fixed tag could never be cleaned away.
  docker_config {
    immutable_tags = false
  }

  cleanup_policy_dry_run = false

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "${90 * 24 * 3600}s"
    }
  }

  # Wins over the above: a function that nobody changed for long must still find its image.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 50
    }
  }

  depends_on = [google_project_service.main]
}
