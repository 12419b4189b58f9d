//! The rows of [`Db`](crate::db::Db) that hold the service's state.

use serde::Serialize;

use super::{bucket::Bucket, failure::Failure, notification::Notification, object::Object};
use crate::db::Change;

/// Rows of [`Bucket`], by name.
pub(super) const BUCKETS: &str = "storage_buckets";
/// Rows of [`Object`], by generation: no two in the service share one.
pub(super) const OBJECTS: &str = "storage_objects";
/// Rows of [`Notification`], by `bucket/id`.
pub(super) const NOTIFICATIONS: &str = "storage_notifications";
/// One row, the last generation given: a restarted fast clock may go back.
pub(super) const COUNTERS: &str = "storage_counters";
const GENERATION: &str = "generation";

/// Keeps `bucket`.
pub(super) fn bucket(bucket: &Bucket) -> Result<Change, Failure> {
    put(BUCKETS, bucket.name.clone(), bucket)
}

/// Forgets a bucket.
pub(super) fn no_bucket(name: &str) -> Change {
    delete(BUCKETS, name.to_owned())
}

/// Keeps `object`.
pub(super) fn object(object: &Object) -> Result<Change, Failure> {
    put(OBJECTS, object_key(object.generation), object)
}

/// Forgets the object of `generation`.
pub(super) fn no_object(generation: i64) -> Change {
    delete(OBJECTS, object_key(generation))
}

/// Keeps `notification`.
pub(super) fn notification(bucket: &str, notification: &Notification) -> Result<Change, Failure> {
    put(
        NOTIFICATIONS,
        format!("{bucket}/{}", notification.id),
        notification,
    )
}

/// Forgets a notification configuration.
pub(super) fn no_notification(bucket: &str, id: &str) -> Change {
    delete(NOTIFICATIONS, format!("{bucket}/{id}"))
}

/// Keeps the last `generation` given.
pub(super) fn counter(generation: i64) -> Result<Change, Failure> {
    put(COUNTERS, GENERATION.to_owned(), &generation)
}

fn object_key(generation: i64) -> String {
    format!("{generation:020}")
}

fn put(table: &'static str, key: String, value: &impl Serialize) -> Result<Change, Failure> {
    let value = serde_json::to_vec(value)?;
    Ok(Change::Put { table, key, value })
}

fn delete(table: &'static str, key: String) -> Change {
    Change::Delete { table, key }
}
