# Jobs, for work that takes longer than a request may: each runs the image of its function, which starts it.

resource "google_cloud_run_v2_job" "main" {
  for_each = { for name, job in local.jobs : name => job if contains(local.deployed, job.function) }

  name                = each.key
  location            = var.region
  deletion_protection = true

  template {
    # The function sets the number of tasks when it starts the job.
    task_count  = 1
    parallelism = each.value.parallelism

    template {
      service_account = local.emails["run-${each.value.function}"]
      max_retries     = each.value.retries_max
      timeout         = "${each.value.timeout_s}s"

      containers {
        image = var.images[each.value.function]
        args  = ["task"]

        resources {
          limits = {
            cpu    = tostring(each.value.cpu)
            memory = each.value.memory
          }
        }

        dynamic "env" {
          for_each = { for name, value in local.environment[each.value.function] : name => value if !startswith(name, "PUSH_") }
          content {
            name  = env.key
            value = env.value
          }
        }

        volume_mounts {
          name       = "scratch"
          mount_path = "/tmp"
        }
      }

      volumes {
        name = "scratch"
        empty_dir {
          medium     = "MEMORY"
          size_limit = each.value.scratch
        }
      }
    }
  }

  lifecycle {
    # The rollout owns the image, and updates it after the function's.
    ignore_changes = [template[0].template[0].containers[0].image, client, client_version]
  }

  depends_on = [google_project_service.main, google_service_account.main, google_project_iam_member.main]
}
