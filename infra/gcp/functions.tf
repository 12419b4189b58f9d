# The functions, each as a Cloud Run service. `console` is in console.tf: it is behind a proxy.

locals {
  callers = { for name, function in local.catalogue.functions : name => function.callers }

  services = { for name, function in local.catalogue.functions : name => merge(function, {
    # A request may take as long as Pub/Sub waits for its answer.
    timeout_s = contains(local.pushed, name) ? local.topology.delivery.ack_deadline_s : function.timeout_s
    ingress   = contains(local.pushed, name) ? "INGRESS_TRAFFIC_INTERNAL_ONLY" : "INGRESS_TRAFFIC_ALL"
  }) if contains(local.deployed, name) && function.callers != "people" }
}

resource "google_cloud_run_v2_service" "main" {
  for_each = local.services

  name                = each.key
  location            = var.region
  ingress             = each.value.ingress
  custom_audiences    = contains(local.pushed, each.key) ? [local.audiences[each.key]] : []
  deletion_protection = true

  template {
    service_account                  = local.emails["run-${each.key}"]
    timeout                          = "${each.value.timeout_s}s"
    max_instance_request_concurrency = each.value.concurrency

    scaling {
      min_instance_count = lookup(var.instances_min, each.key, 0)
      max_instance_count = each.value.instances_max
    }

    containers {
      image = var.images[each.key]

      resources {
        limits = {
          cpu    = tostring(each.value.cpu)
          memory = each.value.memory
        }
        # No work runs after an answer, so no CPU is paid for then.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.environment[each.key]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secrets[each.key]
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = try([each.value.scratch], [])
        content {
          name       = "scratch"
          mount_path = "/tmp"
        }
      }

      # 30 s are plenty: invalid settings end the process at once, and clients connect on first use.
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 15
        http_get {
          path = "/health"
        }
      }

      # Long enough that an instance that is busy with a large file is not restarted.
      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 10
        failure_threshold = 4
        http_get {
          path = "/health"
        }
      }
    }

    # Temporary files. Cloud Run keeps files in memory: the limit keeps them from using all of it.
    dynamic "volumes" {
      for_each = try([each.value.scratch], [])
      content {
        name = "scratch"
        empty_dir {
          medium     = "MEMORY"
          size_limit = volumes.value
        }
      }
    }
  }

  lifecycle {
    # The rollout owns these from the second revision on: it shifts traffic step by step, and back.
    ignore_changes = [template[0].containers[0].image, template[0].revision, traffic, client, client_version]
  }

  depends_on = [
    google_project_service.main,
    google_service_account.main,
    google_project_iam_member.main,
    google_secret_manager_secret_iam_member.main,
  ]
}
