# Who is notified, and by what.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project      = "lapidary-test"
  alert_emails = ["on-call@example.com"]
}

run "an_incident_reaches_its_function" {
  command = plan

  assert {
    condition     = google_monitoring_notification_channel.topic["alert"].labels.topic == "projects/lapidary-test/topics/alert"
    error_message = "The channel has another topic."
  }

  assert {
    condition     = google_monitoring_alert_policy.topology["run-unhealthy"].conditions[0].condition_threshold[0].aggregations[0].group_by_fields == tolist(["metric.label.run_id", "metric.label.finding"])
    error_message = "An incident would not name its run."
  }

  assert {
    condition     = google_monitoring_alert_policy.topology["run-unhealthy"].conditions[0].condition_threshold[0].filter == "metric.type=\"logging.googleapis.com/user/lapidary/run_findings\" AND resource.type=\"cloud_run_revision\""
    error_message = "The policy does not use the topology's metric."
  }
}

run "an_alert_without_a_topic_notifies_people" {
  command = plan

  assert {
    condition     = alltrue([for name, alert in local.topology.alerts : can(alert.topic) || length(google_monitoring_alert_policy.topology[name].notification_channels) == length(var.alert_emails)])
    error_message = "An alert for people has no channel."
  }

  assert {
    condition     = google_monitoring_alert_policy.topology["curve-unread"].conditions[0].condition_threshold[0].aggregations[0].alignment_period == "300s"
    error_message = "One poll that succeeds between two ticks would reset the hour."
  }
}

run "every_alert_for_people_has_a_runbook" {
  command = plan

  assert {
    condition     = alltrue([for name in concat(keys(local.people_alerts), [for name, alert in local.topology.alerts : name if !can(alert.topic)]) : strcontains(file("README.md"), "\n### ${name}\n")])
    error_message = "An alert has no runbook in README.md."
  }

  assert {
    condition     = length(regexall("\n### ", split("\n## Runbooks\n", file("README.md"))[1])) == length(local.people_alerts) + length([for alert in local.topology.alerts : alert if !can(alert.topic)])
    error_message = "A runbook in README.md is for an alert that does not exist."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.people : length(policy.conditions) > 0 && strcontains(policy.documentation[0].content, "infra/gcp/README.md")])
    error_message = "An alert has no condition, or no link to its runbook."
  }

  # An alert whose filter names a subscription or a metric that does not exist never fires.
  assert {
    condition = alltrue(flatten([
      for policy in local.people_alerts : [
        for condition in policy.conditions : [
          for found in regexall("(?:subscription_id=\"([a-z-]+)\"|logging.googleapis.com/user/([a-z/_]+)\"|serviceLevelObjectives/([a-z-]+)\")", condition.filter) : (
            found[0] != null ? contains(concat(keys(local.subscriptions), [local.topology.dead_letters.subscription]), found[0]) :
            found[1] != null ? contains(keys(google_logging_metric.main), found[1]) :
            contains(keys(local.slos), found[2])
          )
        ]
      ]
    ]))
    error_message = "An alert uses a metric or a subscription that does not exist."
  }
}

run "a_label_of_a_metric_has_its_extractor" {
  command = plan

  assert {
    condition = alltrue([
      for metric in google_logging_metric.main :
      toset([for label in metric.metric_descriptor[0].labels : label.key]) == toset(keys(metric.label_extractors))
    ])
    error_message = "A metric has a label without an extractor."
  }
}
