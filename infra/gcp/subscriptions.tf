# Subscriptions: a push to each consumer, and a pull of the dead letters for people.

resource "google_pubsub_subscription" "main" {
  for_each = { for name, it in local.subscriptions : name => it if contains(local.deployed, it.function) }

  name                       = each.key
  topic                      = google_pubsub_topic.main[each.value.topic].name
  ack_deadline_seconds       = local.topology.delivery.ack_deadline_s
  message_retention_duration = "${7 * 24 * 3600}s"

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.main[each.value.function].uri}${each.value.path}"

    oidc_token {
      service_account_email = local.emails["push-${each.value.function}"]
      audience              = local.audiences[each.value.function]
    }
  }

  retry_policy {
    minimum_backoff = "${local.topology.delivery.backoff_min_s}s"
    maximum_backoff = "${local.topology.delivery.backoff_max_s}s"
  }

  dead_letter_policy {
    dead_letter_topic     = "projects/${var.project}/topics/${google_pubsub_topic.dead_letters.name}"
    max_delivery_attempts = local.topology.dead_letters.attempts_max
  }

  # Never expires: a month without uploads is normal.
  expiration_policy {
    ttl = ""
  }

  lifecycle {
    # Its pending messages would be lost. Also protects against a plan without images.
    prevent_destroy = true
  }

  depends_on = [
    google_service_account.main,
    google_service_account_iam_member.main,
    google_pubsub_topic_iam_member.main,
    google_cloud_run_v2_service_iam_member.main,
  ]
}

resource "google_pubsub_subscription" "dead_letters" {
  name                       = local.topology.dead_letters.subscription
  topic                      = google_pubsub_topic.dead_letters.name
  ack_deadline_seconds       = local.topology.delivery.ack_deadline_s
  message_retention_duration = "${7 * 24 * 3600}s"

  expiration_policy {
    ttl = ""
  }

  lifecycle {
    prevent_destroy = true
  }
}
