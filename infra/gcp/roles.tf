# Custom roles, where no predefined role is narrow enough: exactly the API calls that the code makes. Documents and
# tuning jobs have no IAM policy of their own, so these roles are granted on the project.

locals {
  custom_roles = merge(
    {
      for name, function in local.catalogue.functions : "run-${name}" => {
        about       = "What ${name} asks of Firestore and Vertex AI."
        permissions = function.permissions
      }
    },
    {
      job-starter = {
        about       = "Starts a job with tasks and variables of its own, and sees how it ends."
        permissions = ["run.executions.get", "run.jobs.run", "run.jobs.runWithOverrides"]
      }
      object-remover = {
        about       = "Deletes objects below the prefix of a condition."
        permissions = ["storage.objects.delete"]
      }
      planner = {
        about       = "Reads how everything is made, for a plan; no rows, documents, messages or logs."
        permissions = local.planner_permissions
      }
      releaser = {
        about       = "What a release may change."
        permissions = local.releaser_permissions
      }
    },
  )
  role_ids = { for name in keys(local.custom_roles) : name => "lapidary_${replace(name, "-", "_")}" }
  # Computed, so that they are known before the roles exist.
  roles = { for name, id in local.role_ids : name => "projects/${var.project}/roles/${id}" }
}

resource "google_project_iam_custom_role" "main" {
  for_each = local.custom_roles

  role_id     = local.role_ids[each.key]
  title       = "Lapidary: ${each.key}"
  description = each.value.about
  permissions = each.value.permissions
  stage       = "GA"

  depends_on = [google_project_service.main]
}
