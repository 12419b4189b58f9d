# What of Google is switched on.

locals {
  apis = toset(concat(
    [
      "aiplatform", "artifactregistry", "cloudbuild", "cloudresourcemanager", "cloudscheduler", "containeranalysis",
      "firestore", "iam", "iamcredentials", "iap", "logging", "monitoring", "pubsub", "run", "serviceusage", "storage",
    ],
    var.budget == null ? [] : ["billingbudgets"],
  ))
}

resource "google_project_service" "main" {
  for_each = local.apis

  project = var.project
  service = "${each.key}.googleapis.com"
  # Others in the project may use it, and what is switched off forgets its service agent's grants.
  disable_on_destroy         = false
  disable_dependent_services = false
}

# Google's number of the project: its own accounts are called by it. Read while planning: what it needs is switched on
# by hand before anything is (README.md, "From nothing"), and a plan with unknown names shows nobody what it grants.
data "google_project" "main" {
  project_id = var.project
}

# Asking for this account is what makes it.
data "google_storage_project_service_account" "main" {
  project = var.project
}
