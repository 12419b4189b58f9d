# Facts, and where those go that nobody could take.

resource "google_pubsub_topic" "main" {
  for_each = local.topology.topics

  name = each.key
  # A subscription that lost its way can be taken back a week.
  message_retention_duration = "${7 * 24 * 3600}s"

  # Facts hold no rows, but they name them: they stay where the rows are.
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.main]
}

resource "google_pubsub_topic" "dead_letters" {
  name                       = local.topology.dead_letters.topic
  message_retention_duration = "${7 * 24 * 3600}s"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.main]
}
