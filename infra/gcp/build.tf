# From a push to a release: `build` checks, builds and plans; `release` applies and rolls out what a person approved.
#
# builder must not have the permissions of releaser, or the approval would protect nothing. So it requests the release
# by a message and not by the API: an account that may start builds by the API may start one as any account it can act as.

locals {
  state_bucket = "${var.project}-terraform"
  # Where builds put plans, beside the state.
  plans_prefix = "plans/"

  # What `terraform plan` reads: configuration, and no rows, documents, messages or logs.
  planner_permissions = [
    "artifactregistry.repositories.get",
    "artifactregistry.repositories.getIamPolicy",
    "cloudbuild.builds.get",
    "cloudbuild.builds.list",
    "cloudbuild.repositories.get",
    "cloudscheduler.jobs.get",
    "datastore.backupSchedules.get",
    "datastore.backupSchedules.list",
    "datastore.databases.get",
    "datastore.databases.getMetadata",
    "datastore.schemas.get",
    "datastore.schemas.list",
    "iam.roles.get",
    "iam.serviceAccounts.get",
    "iam.serviceAccounts.getIamPolicy",
    "iap.webServices.getIamPolicy",
    "logging.logMetrics.get",
    "monitoring.alertPolicies.get",
    "monitoring.dashboards.get",
    "monitoring.notificationChannels.get",
    "monitoring.services.get",
    "monitoring.slos.get",
    "pubsub.subscriptions.get",
    "pubsub.subscriptions.getIamPolicy",
    "pubsub.topics.get",
    "pubsub.topics.getIamPolicy",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "run.jobs.get",
    "run.jobs.getIamPolicy",
    "run.services.get",
    "run.services.getIamPolicy",
    "serviceusage.services.get",
    "serviceusage.services.list",
    "serviceusage.services.use",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
  ]

  # What a release may change. It may not change what protects it (grants on the project, custom roles, triggers,
  # viewers of the console, the budget): a person applies those. Nor may it read rows, or delete a bucket or a database.
  releaser_permissions = [
    "artifactregistry.repositories.create",
    "artifactregistry.repositories.setIamPolicy",
    "artifactregistry.repositories.update",
    "cloudscheduler.jobs.create",
    "cloudscheduler.jobs.delete",
    "cloudscheduler.jobs.update",
    # The provenance that Cloud Build recorded for the images.
    "containeranalysis.occurrences.list",
    "datastore.backupSchedules.create",
    "datastore.backupSchedules.update",
    "datastore.databases.update",
    # The documents `smokes`, by which a new revision shows that it receives messages.
    "datastore.entities.get",
    "datastore.operations.get",
    "datastore.schemas.create",
    "datastore.schemas.delete",
    "datastore.schemas.update",
    "iam.serviceAccounts.create",
    "iam.serviceAccounts.setIamPolicy",
    "iam.serviceAccounts.update",
    "logging.logMetrics.create",
    "logging.logMetrics.delete",
    "logging.logMetrics.update",
    "serviceusage.services.enable",
    "storage.buckets.create",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
  ]
  releaser_roles = [
    "roles/logging.logWriter",
    "roles/monitoring.editor",
    "roles/pubsub.admin",
    "roles/run.admin",
  ]

  build_grants = flatten([
    [
      { who = "builder", role = "roles/logging.logWriter", kind = "project", on = var.project, only = "" },
      { who = "builder", role = local.roles["planner"], kind = "project", on = var.project, only = "" },
      { who = "builder", role = "roles/artifactregistry.writer", kind = "repository", on = "lapidary", only = "" },
      { who = "builder", role = "roles/storage.objectViewer", kind = "bucket", on = local.state_bucket, only = "" },
      { who = "builder", role = "roles/storage.objectCreator", kind = "bucket", on = local.state_bucket, only = local.plans_prefix },
      { who = "builder", role = "roles/storage.objectUser", kind = "bucket", on = google_storage_bucket.cache.name, only = "" },
      { who = "releaser", role = local.roles["planner"], kind = "project", on = var.project, only = "" },
      { who = "releaser", role = local.roles["releaser"], kind = "project", on = var.project, only = "" },
      # Plans, the state, and its lock.
      { who = "releaser", role = "roles/storage.objectUser", kind = "bucket", on = local.state_bucket, only = "" },
      # Deploying an image requires permission to read it.
      { who = "releaser", role = "roles/artifactregistry.reader", kind = "repository", on = "lapidary", only = "" },
    ],
    [
      for topic in google_pubsub_topic.release :
      { who = "builder", role = "roles/pubsub.publisher", kind = "topic", on = topic.name, only = "" }
    ],
    [
      for role in local.releaser_roles :
      { who = "releaser", role = role, kind = "project", on = var.project, only = "" }
    ],
    # Creating a service or a push subscription requires permission to act as its account.
    [
      for account in keys(local.accounts) :
      { who = "releaser", role = "roles/iam.serviceAccountUser", kind = "account", on = account, only = "" }
      if startswith(account, "run-") || startswith(account, "push-")
    ],
    # It calls a new revision of predict.
    [
      for function in setintersection(["predict"], local.deployed) :
      { who = "releaser", role = "roles/run.invoker", kind = "service", on = function, only = "" }
    ],
  ])

  repository = one(google_cloudbuildv2_repository.main[*].id)
}

# Crates and compiled code of earlier builds: whatever is deleted is built again.
resource "google_storage_bucket" "cache" {
  name     = "${var.project}-build-cache"
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 14
    }
  }

  depends_on = [google_project_service.main]
}

resource "google_cloudbuildv2_repository" "main" {
  count = var.github == null ? 0 : 1

  name     = "lapidary"
  location = var.region
  # Created by hand: a person must authorise Google's application in the repository.
  parent_connection = var.github.connection
  remote_uri        = var.github.remote_uri
}

# A message requests a release; its trigger waits for a person's approval.
resource "google_pubsub_topic" "release" {
  count = var.github == null ? 0 : 1

  name = "release"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.main]
}

resource "google_cloudbuild_trigger" "build" {
  count = var.github == null ? 0 : 1

  name            = "build"
  location        = var.region
  description     = "Checks, builds and plans what is pushed to ${var.github.branch}."
  service_account = "projects/${var.project}/serviceAccounts/${local.emails["builder"]}"
  filename        = "cloudbuild.yaml"
  substitutions   = merge(var.builder_images, local.build_substitutions)

  repository_event_config {
    repository = local.repository

    push {
      branch = "^${var.github.branch}$"
    }
  }

  depends_on = [google_service_account.main]
}

resource "google_cloudbuild_trigger" "release" {
  count = var.github == null ? 0 : 1

  name            = "release"
  location        = var.region
  description     = "Applies and rolls out what a build planned, once a person approves it."
  service_account = "projects/${var.project}/serviceAccounts/${local.emails["releaser"]}"
  substitutions   = merge(var.builder_images, local.release_substitutions)

  pubsub_config {
    topic = google_pubsub_topic.release[0].id
  }

  source_to_build {
    repository = local.repository
    ref        = "refs/heads/${var.github.branch}"
    repo_type  = "GITHUB"
  }

  git_file_source {
    path       = "infra/release.yaml"
    repository = local.repository
    revision   = "refs/heads/${var.github.branch}"
    repo_type  = "GITHUB"
  }

  approval_config {
    approval_required = true
  }

  depends_on = [google_service_account.main]
}

locals {
  # The substitutions of both build files that name builder images.
  builders = ["_DOCKER", "_GCLOUD", "_GIT", "_RUST", "_TERRAFORM"]

  build_substitutions = {
    _REGION = var.region
    _CACHE  = google_storage_bucket.cache.name
  }
  release_substitutions = {
    _REGION = var.region
    # The build that made the plan: the plan is at plans/BUILD in the state bucket.
    _BUILD  = "$(body.message.attributes.build)"
    _COMMIT = "$(body.message.attributes.commit)"
  }
}
