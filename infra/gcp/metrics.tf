# Log-based metrics: those of the topology, which trigger functions, and those of metrics.json, for people.

locals {
  own_metrics = jsondecode(file("${path.module}/metrics.json"))
}

resource "google_logging_metric" "main" {
  for_each = merge(local.topology.metrics, local.own_metrics)

  name             = each.key
  description      = each.value.description
  filter           = each.value.filter
  label_extractors = each.value.labels

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  depends_on = [google_project_service.main]
}
