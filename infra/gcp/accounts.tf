# Service accounts: one runs each function, another pushes to it, one builds, one releases.

locals {
  accounts = merge(
    { for name in keys(local.functions) : "run-${name}" => "Runs ${name}." },
    { for name in local.pushed : "push-${name}" => "Pushes to ${name}; has no other permission." },
    {
      builder  = "Checks, builds and plans what is pushed."
      releaser = "Applies what was planned and approved, and rolls it out."
    },
  )

  # Computed, so that they are known before the accounts exist: a plan shows every grant in full.
  emails = { for name in keys(local.accounts) : name => "${name}@${var.project}.iam.gserviceaccount.com" }

  number = data.google_project.main.number
  # Google's service agents.
  agents = {
    storage    = data.google_storage_project_service_account.main.email_address
    pubsub     = "service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    scheduler  = "service-${local.number}@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
    monitoring = "service-${local.number}@gcp-sa-monitoring-notification.iam.gserviceaccount.com"
    iap        = "service-${local.number}@gcp-sa-iap.iam.gserviceaccount.com"
    tuning     = "service-${local.number}@gcp-sa-vertex-tune.iam.gserviceaccount.com"
  }
}

resource "google_service_account" "main" {
  for_each = local.accounts

  account_id   = each.key
  display_name = each.key
  description  = each.value

  depends_on = [google_project_service.main]
}
