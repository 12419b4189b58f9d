# The console, behind Identity-Aware Proxy: people sign in before a byte reaches it.
#
# Through Cloud Run's older API, because there an annotation enables the proxy. The newer one has an argument for it that
# providers before 7 do not support (TRAPS.md). The resulting service is the same.

locals {
  console = one([for name, function in local.catalogue.functions : name if function.callers == "people"])
}

resource "google_cloud_run_service" "console" {
  for_each = setintersection([local.console], local.deployed)

  name     = each.key
  location = var.region
  # Cloud Run names the revisions: the rollout creates some that are not in the state.
  autogenerate_revision_name = true

  metadata {
    annotations = {
      "run.googleapis.com/iap-enabled" = "true"
      "run.googleapis.com/ingress"     = "all"
    }
  }

  template {
    metadata {
      annotations = {
        "autoscaling.knative.dev/minScale"         = tostring(lookup(var.instances_min, each.key, 0))
        "autoscaling.knative.dev/maxScale"         = tostring(local.catalogue.functions[each.key].instances_max)
        "run.googleapis.com/cpu-throttling"        = "true"
        "run.googleapis.com/startup-cpu-boost"     = "true"
        "run.googleapis.com/execution-environment" = "gen1"
      }
    }

    spec {
      service_account_name  = local.emails["run-${each.key}"]
      timeout_seconds       = local.catalogue.functions[each.key].timeout_s
      container_concurrency = local.catalogue.functions[each.key].concurrency

      containers {
        image = var.images[each.key]

        resources {
          limits = {
            cpu    = tostring(local.catalogue.functions[each.key].cpu)
            memory = local.catalogue.functions[each.key].memory
          }
        }

        dynamic "env" {
          for_each = local.environment[each.key]
          content {
            name  = env.key
            value = env.value
          }
        }

        startup_probe {
          period_seconds    = 2
          timeout_seconds   = 2
          failure_threshold = 15
          http_get {
            path = "/health"
          }
        }

        liveness_probe {
          period_seconds    = 30
          timeout_seconds   = 10
          failure_threshold = 4
          http_get {
            path = "/health"
          }
        }
      }
    }
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [template[0].spec[0].containers[0].image, traffic]
  }

  depends_on = [google_project_service.main, google_service_account.main, google_project_iam_member.main]
}

resource "google_iap_web_cloud_run_service_iam_member" "console" {
  for_each = contains(local.deployed, local.console) ? var.console_viewers : []

  location               = var.region
  cloud_run_service_name = google_cloud_run_service.console[local.console].name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.key
}
