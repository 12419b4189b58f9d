# What an account may do that no role of Google's says so narrowly: the calls that the code makes, and no others.
# Documents and tuning jobs have no policy of their own, so these are granted on the project.

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
        about       = "Deletes objects, where a condition says."
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
  # Names that are known before the roles are there.
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
