//! The rows of [`Db`](crate::db::Db) with the service's state.

use serde::Serialize;

use super::{
    bucket::Bucket, failure::Failure, notification::NotificationConfig, object::ObjectMetadata,
};
use crate::db::DbChange;

/// Rows of [`Bucket`], by name.
pub(super) const BUCKETS: &str = "storage_buckets";
/// Rows of [`ObjectMetadata`], by generation, which is unique in the service.
pub(super) const OBJECTS: &str = "storage_objects";
/// Rows of [`NotificationConfig`], by `bucket/id`.
pub(super) const NOTIFICATIONS: &str = "storage_notifications";
/// One row, the last generation assigned: a restarted fast clock may go back.
pub(super) const COUNTERS: &str = "storage_counters";
const GENERATION: &str = "generation";

/// Stores `bucket`.
pub(super) fn bucket(bucket: &Bucket) -> Result<DbChange, Failure> {
    put(BUCKETS, bucket.name.clone(), bucket)
}

/// Deletes a bucket.
pub(super) fn no_bucket(name: &str) -> DbChange {
    delete(BUCKETS, name.to_owned())
}

/// Stores `object`.
pub(super) fn object(object: &ObjectMetadata) -> Result<DbChange, Failure> {
    put(OBJECTS, object_key(object.generation), object)
}

/// Deletes the object of `generation`.
pub(super) fn no_object(generation: i64) -> DbChange {
    delete(OBJECTS, object_key(generation))
}

/// Stores `notification`.
pub(super) fn notification(
    bucket: &str,
    notification: &NotificationConfig,
) -> Result<DbChange, Failure> {
    put(
        NOTIFICATIONS,
        format!("{bucket}/{}", notification.id),
        notification,
    )
}

/// Deletes a notification configuration.
pub(super) fn no_notification(bucket: &str, id: &str) -> DbChange {
    delete(NOTIFICATIONS, format!("{bucket}/{id}"))
}

/// Stores the last assigned `generation`.
pub(super) fn counter(generation: i64) -> Result<DbChange, Failure> {
    put(COUNTERS, GENERATION.to_owned(), &generation)
}

fn object_key(generation: i64) -> String {
    format!("{generation:020}")
}

fn put(table: &'static str, key: String, value: &impl Serialize) -> Result<DbChange, Failure> {
    let value = serde_json::to_vec(value)?;
    Ok(DbChange::Put { table, key, value })
}

fn delete(table: &'static str, key: String) -> DbChange {
    DbChange::Delete { table, key }
}
