# Topics of events, and the dead-letter topic.

resource "google_pubsub_topic" "main" {
  for_each = local.topology.topics

  name = each.key
  # A subscription can be rewound by a week.
  message_retention_duration = "${7 * 24 * 3600}s"

  # Events hold no rows, but they name them: they stay in the region of the rows.
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
