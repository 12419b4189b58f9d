# Uploads, datasets, evaluations: written once, and read for years.

locals {
  # How long an overwritten or deleted version can be restored.
  noncurrent_days = 30
  # How long the intermediate files of a job are useful: it is retried for hours, not days (functions/clean/README.md).
  passing_days = 7
  # Intermediate files, by bucket: a job that crashes leaves some behind.
  passing = merge([
    for name, function in local.catalogue.functions : try(function.deletes, {})
  ]...)
}

resource "google_storage_bucket" "main" {
  for_each = local.topology.buckets

  name     = local.bucket_names[each.key]
  location = var.region

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = each.value.versioned
  }

  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = local.noncurrent_days
      with_state                 = "ARCHIVED"
    }
  }

  # An incomplete multipart upload costs storage and is in no listing of objects.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = local.passing_days
    }
  }

  dynamic "lifecycle_rule" {
    for_each = contains(keys(local.passing), each.key) ? [local.passing[each.key]] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = local.passing_days
        matches_prefix = [lifecycle_rule.value]
        with_state     = "ANY"
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.main]
}

# The first policy. Operators change it by `lapidary policy set`, so that Terraform never puts it back.
resource "google_storage_bucket_object" "policy" {
  name         = "policy.toml"
  bucket       = google_storage_bucket.main["policy"].name
  content      = file("${path.module}/policy.toml")
  content_type = "application/toml"

  lifecycle {
    ignore_changes = all
  }
}

resource "google_storage_notification" "main" {
  for_each = { for content, bucket in local.topology.buckets : content => bucket.notify if try(bucket.notify, null) != null }

  bucket         = google_storage_bucket.main[each.key].name
  topic          = google_pubsub_topic.main[each.value].id
  event_types    = ["OBJECT_FINALIZE"]
  payload_format = "JSON_API_V1"

  # Cloud Storage publishes a test message when a notification is created, and rejects it without permission.
  depends_on = [google_pubsub_topic_iam_member.main]
}
