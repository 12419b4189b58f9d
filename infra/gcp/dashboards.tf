# Dashboards in Monitoring's export format: edit them there, and export them here.

resource "google_monitoring_dashboard" "main" {
  for_each = fileset("${path.module}/dashboards", "*.json")

  dashboard_json = file("${path.module}/dashboards/${each.key}")

  depends_on = [google_project_service.main, google_logging_metric.main]
}
