# Alert policies. Those of the topology are on log lines of functions: they notify a function by a topic, or, without
# one, people. Those of alerts.json are on metrics of the cloud itself, and notify people. Each policy for people has a
# runbook of its name in README.md.

locals {
  # Names that the conditions use: resource names contain the project's number.
  people_alerts = jsondecode(templatefile("${path.module}/alerts.json", {
    dead_letters = local.topology.dead_letters.subscription
    slo          = "projects/${local.number}/services/${local.slo_service}/serviceLevelObjectives"
  }))
}

resource "google_monitoring_alert_policy" "topology" {
  for_each = local.topology.alerts

  display_name = each.key
  combiner     = "OR"
  severity     = try(each.value.severity, null)
  notification_channels = (
    can(each.value.topic)
    ? [google_monitoring_notification_channel.topic[each.value.topic].id]
    : [for channel in google_monitoring_notification_channel.email : channel.id]
  )

  conditions {
    display_name = each.key

    condition_threshold {
      filter = join(" AND ", [
        "metric.type=\"logging.googleapis.com/user/${google_logging_metric.main[each.value.metric].name}\"",
        "resource.type=\"cloud_run_revision\"",
      ])
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "${each.value.duration_s}s"

      trigger {
        count = 1
      }

      # One incident per group, so that each names its run.
      aggregations {
        alignment_period     = "${try(each.value.period_s, 60)}s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = [for label in each.value.group_by : "metric.label.${label}"]
      }
    }
  }

  alert_strategy {
    auto_close           = "${each.value.auto_close_s}s"
    notification_prompts = ["OPENED", "CLOSED"]
  }

  documentation {
    content   = each.value.documentation
    mime_type = "text/markdown"
  }

  # A notification that fails is not repeated.
  depends_on = [google_pubsub_topic_iam_member.main]
}

resource "google_monitoring_alert_policy" "people" {
  for_each = local.people_alerts

  display_name          = each.key
  combiner              = length(each.value.conditions) > 1 ? "AND" : "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  dynamic "conditions" {
    for_each = each.value.conditions
    content {
      display_name = conditions.value.name

      dynamic "condition_threshold" {
        for_each = try([conditions.value.above], [])
        content {
          filter          = conditions.value.filter
          comparison      = "COMPARISON_GT"
          threshold_value = condition_threshold.value
          duration        = "${conditions.value.duration_s}s"

          trigger {
            count = 1
          }

          dynamic "aggregations" {
            for_each = try([conditions.value.aligner], [])
            content {
              alignment_period     = "${conditions.value.period_s}s"
              per_series_aligner   = aggregations.value
              cross_series_reducer = conditions.value.reducer
              group_by_fields      = conditions.value.group_by
            }
          }
        }
      }

      dynamic "condition_absent" {
        for_each = try([conditions.value.absent_s], [])
        content {
          filter   = conditions.value.filter
          duration = "${condition_absent.value}s"

          aggregations {
            alignment_period     = "${conditions.value.period_s}s"
            per_series_aligner   = conditions.value.aligner
            cross_series_reducer = conditions.value.reducer
            group_by_fields      = conditions.value.group_by
          }
        }
      }
    }
  }

  alert_strategy {
    auto_close = "${each.value.auto_close_s}s"
  }

  documentation {
    subject   = "Lapidary: ${each.value.about}"
    content   = "${each.value.about}\n\nWhat to do: infra/gcp/README.md, `${each.key}`."
    mime_type = "text/markdown"
  }

  depends_on = [google_logging_metric.main, google_monitoring_slo.main]
}
