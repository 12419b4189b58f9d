# Documents: every plan, state and decision.
#
# No composite index: every query of shared/src/google/documents.rs filters by one field or orders by one field, or
# filters by the values of several fields without an order (shared/src/google/documents/pages.rs), for which Firestore
# merges the indexes of single fields that it has by default. Any other query of two fields works on the emulator and
# fails here without a composite index: add the index here together with the code.

locals {
  firestore = jsondecode(file("${path.module}/firestore.json"))

  # Fields that no query uses: texts, histories, curves of a thousand points. Every index entry is written together with
  # the document, and a long list can exceed the limit of index entries per document.
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
  # Removing it from Terraform does not delete it.
  deletion_policy = "ABANDON"

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.main]
}

# Point-in-time recovery covers a week; backups cover two, and survive the deletion of the database.
resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.main.name
  retention = "${14 * 24 * 3600}s"

  daily_recurrence {}
}

# Documents that expire. Firestore deletes them within a day of the time, so no code may rely on the deletion.
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
