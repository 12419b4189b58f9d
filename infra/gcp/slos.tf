# Service level objectives over four weeks. Their burn-rate alerts are in alerts.json.

locals {
  slo_service = "lapidary"
  slos        = jsondecode(file("${path.module}/slos.json"))
}

resource "google_monitoring_custom_service" "main" {
  service_id   = local.slo_service
  display_name = "Lapidary"

  depends_on = [google_project_service.main]
}

resource "google_monitoring_slo" "main" {
  for_each = local.slos

  service             = google_monitoring_custom_service.main.service_id
  slo_id              = each.key
  display_name        = each.value.about
  goal                = each.value.goal
  rolling_period_days = 28

  request_based_sli {
    dynamic "good_total_ratio" {
      for_each = try([each.value.bad], [])
      content {
        bad_service_filter   = good_total_ratio.value
        good_service_filter  = try(each.value.good, null)
        total_service_filter = try(each.value.total, null)
      }
    }

    dynamic "distribution_cut" {
      for_each = try([each.value.latency], [])
      content {
        distribution_filter = distribution_cut.value
        range {
          max = each.value.max_ms
        }
      }
    }
  }
}
