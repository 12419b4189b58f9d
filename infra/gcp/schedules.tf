# Schedules.

resource "google_cloud_scheduler_job" "main" {
  for_each = local.topology.schedules

  name      = each.key
  region    = var.region
  schedule  = each.value.cron
  time_zone = "Etc/UTC"

  pubsub_target {
    # The API requires the full name.
    topic_name = "projects/${var.project}/topics/${google_pubsub_topic.main[each.value.topic].name}"
    data       = base64encode("{}")
  }

  # No retries: the next tick does the work of a lost one.
  retry_config {
    retry_count = 1
  }

  depends_on = [google_pubsub_topic_iam_member.main]
}
