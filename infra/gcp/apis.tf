# Enabled APIs.

locals {
  apis = toset(concat(
    [
      "aiplatform", "artifactregistry", "cloudbuild", "cloudresourcemanager", "cloudscheduler", "containeranalysis",
      "firestore", "iam", "iamcredentials", "iap", "logging", "monitoring", "pubsub", "run", "serviceusage", "storage",
    ],
    var.budget == null ? [] : ["billingbudgets"],
    length(var.secrets) == 0 ? [] : ["secretmanager"],
  ))
}

resource "google_project_service" "main" {
  for_each = local.apis

  project = var.project
  service = "${each.key}.googleapis.com"
  # Others in the project may use it, and disabling an API removes the grants of its service agent.
  disable_on_destroy         = false
  disable_dependent_services = false
}

# The project's number, which is part of the names of Google's service agents. A data source, so that it is known in the
# plan: otherwise the plan could not show the grants to them. Its APIs are enabled by hand before the first apply
# (README.md, "From an empty project").
data "google_project" "main" {
  project_id = var.project
}

# Reading this account creates it.
data "google_storage_project_service_account" "main" {
  project = var.project
}
