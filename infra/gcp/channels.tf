# Notification channels: functions are notified by topics, people by e-mail.

locals {
  alert_topics = toset([for alert in local.topology.alerts : alert.topic if can(alert.topic)])
}

resource "google_monitoring_notification_channel" "topic" {
  for_each = local.alert_topics

  type         = "pubsub"
  display_name = each.key
  labels = {
    topic = "projects/${var.project}/topics/${google_pubsub_topic.main[each.key].name}"
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  type         = "email"
  display_name = each.key
  labels = {
    email_address = each.key
  }

  depends_on = [google_project_service.main]
}
