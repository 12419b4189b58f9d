# Documents: every config, state and decision.
#
# No composite index: every query of shared/src/google/documents.rs asks for one field to be equal, or orders by one
# field, and those are indexed by themselves. A query of two fields works on a laptop and fails here, for want of an
# index: add it here with the code.

locals {
  firestore = jsondecode(file("${path.module}/firestore.json"))

  # What nobody asks by: texts, histories, curves of a thousand points. Each entry of an index is written with the
  # document, and a long list can exceed what one document may have.
  unindexed = {
    for it in flatten([
      for collection, fields in local.firestore.unindexed : [for field in fields : { collection = collection, field = field }]
    ]) : "${it.collection}.${it.field}" => it
  }
}

resource "google_firestore_database" "main" {
  name                              = "(default)"
  location_id                       = coalesce(var.firestore_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  # Given up by Terraform, it stays.
  deletion_policy = "ABANDON"

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.main]
}

# Point-in-time recovery goes back a week; this goes back two, and outlives the database.
resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.main.name
  retention = "${14 * 24 * 3600}s"

  daily_recurrence {}
}

# Documents that go by themselves. Within a day of the time, not at it: nobody may rely on one being gone.
resource "google_firestore_field" "expiry" {
  for_each = local.firestore.expires

  database   = google_firestore_database.main.name
  collection = each.key
  field      = each.value

  ttl_config {}
  index_config {}
}

resource "google_firestore_field" "unindexed" {
  for_each = local.unindexed

  database   = google_firestore_database.main.name
  collection = each.value.collection
  field      = each.value.field

  index_config {}
}
