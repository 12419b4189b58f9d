# Access: one table, from which every grant is created. A test compares it with an independent list
# (tests/grants.tftest.hcl), so that a reviewer sees every new grant.

locals {
  object_roles = { read = "roles/storage.objectViewer", create = "roles/storage.objectCreator" }

  # Grants to functions, each on a single resource where the service allows it.
  function_grants = flatten([
    for name, function in local.catalogue.functions : [
      [{ who = "run-${name}", role = local.roles["run-${name}"], kind = "project", on = var.project, only = "" }],
      [
        for topic in function.publishes :
        { who = "run-${name}", role = "roles/pubsub.publisher", kind = "topic", on = topic, only = "" }
      ],
      [
        for bucket, ways in try(function.buckets, {}) : [
          for way in ways :
          { who = "run-${name}", role = local.object_roles[way], kind = "bucket", on = local.bucket_names[bucket], only = "" }
        ]
      ],
      [
        for bucket, prefix in try(function.deletes, {}) :
        { who = "run-${name}", role = local.roles["object-remover"], kind = "bucket", on = local.bucket_names[bucket], only = prefix }
      ],
      [
        for job, it in local.jobs :
        { who = "run-${name}", role = local.roles["job-starter"], kind = "job", on = job, only = "" }
        if it.function == name && contains(local.deployed, name)
      ],
      [
        for secret in toset([for it in values(local.secrets[name]) : it.secret]) :
        { who = "run-${name}", role = "roles/secretmanager.secretAccessor", kind = "secret", on = secret, only = "" }
      ],
      [
        for push in setintersection([name], local.pushed, local.deployed) :
        { who = "push-${name}", role = "roles/run.invoker", kind = "service", on = name, only = "" }
      ],
    ]
  ])

  # Grants to Google's service agents.
  agent_grants = flatten([
    [
      for bucket in values(local.topology.buckets) :
      { who = "storage", role = "roles/pubsub.publisher", kind = "topic", on = bucket.notify, only = "" }
      if try(bucket.notify, null) != null
    ],
    [
      for schedule in values(local.topology.schedules) :
      { who = "scheduler", role = "roles/pubsub.publisher", kind = "topic", on = schedule.topic, only = "" }
    ],
    [
      for topic in local.alert_topics :
      { who = "monitoring", role = "roles/pubsub.publisher", kind = "topic", on = topic, only = "" }
    ],
    # Pub/Sub's service agent publishes dead letters, and acknowledges them in their subscription.
    [{ who = "pubsub", role = "roles/pubsub.publisher", kind = "topic", on = local.topology.dead_letters.topic, only = "" }],
    [
      for name, it in local.subscriptions :
      { who = "pubsub", role = "roles/pubsub.subscriber", kind = "subscription", on = name, only = "" }
      if contains(local.deployed, it.function)
    ],
    # It signs pushes as the account that may call the function.
    [
      for name in local.pushed :
      { who = "pubsub", role = "roles/iam.serviceAccountOpenIdTokenCreator", kind = "account", on = "push-${name}", only = "" }
    ],
    # Identity-Aware Proxy calls the console for the users it has admitted.
    [
      for agent in setintersection(["iap"], var.agents_made) :
      { who = agent, role = "roles/run.invoker", kind = "service", on = local.console, only = "" }
      if contains(local.deployed, local.console)
    ],
    # Tuning reads the rows as its own service agent, not as tune.
    [
      for agent in setintersection(["tuning"], var.agents_made) :
      { who = agent, role = "roles/storage.objectViewer", kind = "bucket", on = local.bucket_names["datasets"], only = "" }
    ],
  ])

  # Grants to the programs and people in the variables.
  caller_grants = concat(
    [
      for member in var.predict_invokers :
      { who = member, role = "roles/run.invoker", kind = "service", on = "predict", only = "" }
      if contains(local.deployed, "predict")
    ],
    [
      for member in var.release_approvers :
      { who = member, role = "roles/cloudbuild.builds.approver", kind = "project", on = var.project, only = "" }
    ],
    # No function may write the policy: what limits them is not theirs.
    [
      for member in var.operators :
      { who = member, role = "roles/storage.objectUser", kind = "bucket", on = local.bucket_names["policy"], only = "" }
    ],
  )

  grants = {
    for it in concat(local.function_grants, local.agent_grants, local.caller_grants, local.build_grants) :
    join(" ", [it.who, replace(it.role, "/^.*//", ""), it.kind, "${it.on}${it.only == "" ? "" : "/${it.only}"}"]) => merge(it, {
      member = (
        contains(keys(local.emails), it.who) ? "serviceAccount:${local.emails[it.who]}" :
        contains(keys(local.agents), it.who) ? "serviceAccount:${local.agents[it.who]}" : it.who
      )
    })
  }
}

resource "google_project_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "project" }

  project = var.project
  role    = each.value.role
  member  = each.value.member

  depends_on = [google_service_account.main, google_project_iam_custom_role.main]
}

resource "google_pubsub_topic_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "topic" }

  topic  = each.value.on
  role   = each.value.role
  member = each.value.member

  # Monitoring's service agent is created with the first channel, and not before.
  depends_on = [
    google_pubsub_topic.main,
    google_pubsub_topic.dead_letters,
    google_pubsub_topic.release,
    google_service_account.main,
    google_monitoring_notification_channel.topic,
  ]
}

resource "google_pubsub_subscription_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "subscription" }

  subscription = google_pubsub_subscription.main[each.value.on].name
  role         = each.value.role
  member       = each.value.member
}

resource "google_storage_bucket_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "bucket" }

  bucket = each.value.on
  role   = each.value.role
  member = each.value.member

  dynamic "condition" {
    for_each = each.value.only == "" ? [] : [each.value.only]
    content {
      title      = "only ${condition.value}"
      expression = "resource.name.startsWith(\"projects/_/buckets/${each.value.on}/objects/${condition.value}\")"
    }
  }

  depends_on = [
    google_storage_bucket.main,
    google_storage_bucket.cache,
    google_service_account.main,
    google_project_iam_custom_role.main,
  ]
}

resource "google_secret_manager_secret_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "secret" }

  secret_id = each.value.on
  role      = each.value.role
  member    = each.value.member

  depends_on = [google_project_service.main, google_service_account.main]
}

resource "google_cloud_run_v2_service_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "service" }

  location = var.region
  name     = each.value.on
  role     = each.value.role
  member   = each.value.member

  depends_on = [google_cloud_run_v2_service.main, google_cloud_run_service.console, google_service_account.main]
}

resource "google_cloud_run_v2_job_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "job" }

  location = var.region
  name     = google_cloud_run_v2_job.main[each.value.on].name
  role     = each.value.role
  member   = each.value.member

  depends_on = [google_project_iam_custom_role.main, google_service_account.main]
}

resource "google_service_account_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "account" }

  service_account_id = "projects/${var.project}/serviceAccounts/${local.emails[each.value.on]}"
  role               = each.value.role
  member             = each.value.member

  depends_on = [google_service_account.main]
}

resource "google_artifact_registry_repository_iam_member" "main" {
  for_each = { for key, it in local.grants : key => it if it.kind == "repository" }

  location   = var.region
  repository = google_artifact_registry_repository.main.repository_id
  role       = each.value.role
  member     = each.value.member

  depends_on = [google_service_account.main]
}

# Audit logs of reads and writes in the buckets, of access through the proxy, and of changes of IAM: the console itself
# does not record its visitors.
resource "google_project_iam_audit_config" "main" {
  for_each = {
    storage = ["DATA_WRITE"]
    iap     = ["DATA_READ", "DATA_WRITE"]
    iam     = ["ADMIN_READ"]
  }

  project = var.project
  service = "${each.key}.googleapis.com"

  dynamic "audit_log_config" {
    for_each = each.value
    content {
      log_type = audit_log_config.value
    }
  }
}
