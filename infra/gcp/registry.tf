# Images of the functions.

resource "google_artifact_registry_repository" "main" {
  repository_id = "lapidary"
  location      = var.region
  format        = "DOCKER"
  description   = "One image for each function, tagged with the commit, deployed by digest."

  # Tags are mutable: services run digests, a repeated build pushes its commit's tag again, and an image under an
  # immutable tag could never be cleaned up.
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

  # Overrides the rule above: a function that has not changed for long still needs its image.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 50
    }
  }

  depends_on = [google_project_service.main]
}
