//! Buckets and objects as messages of `google.storage.v2`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use googleapis_tonic_google_storage_v2::google::storage::v2 as pb;
use prost_types::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    bucket::Bucket,
    failure::Failure,
    object::{Attributes, ObjectMetadata, ObjectName, etag},
};

/// The prefix of bucket names; the project is always `_`.
const BUCKET_PREFIX: &str = "projects/_/buckets/";

/// The id in `projects/_/buckets/{id}`.
pub(super) fn bucket_id(name: &str) -> Result<&str, Failure> {
    name.strip_prefix(BUCKET_PREFIX)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Failure::Invalid(format!("Invalid bucket name: '{name}'")))
}

/// The name of an object, given the full name of its bucket.
pub(super) fn name(bucket: &str, object: &str) -> Result<ObjectName, Failure> {
    Ok(ObjectName::new(bucket_id(bucket)?, object))
}

/// A generation; 0 means the live one.
pub(super) fn generation(generation: i64) -> Option<i64> {
    (generation != 0).then_some(generation)
}

/// `object` as a message.
pub(super) fn object(object: ObjectMetadata) -> pb::Object {
    let etag = object.etag();
    let given = object.attributes;
    pb::Object {
        name: object.name,
        bucket: format!("{BUCKET_PREFIX}{}", object.bucket),
        etag,
        generation: object.generation,
        metageneration: object.metageneration,
        storage_class: given.storage_class.unwrap_or_default(),
        size: size(object.size_bytes),
        content_encoding: given.content_encoding.unwrap_or_default(),
        content_disposition: given.content_disposition.unwrap_or_default(),
        cache_control: given.cache_control.unwrap_or_default(),
        content_language: given.content_language.unwrap_or_default(),
        content_type: given.content_type.unwrap_or_default(),
        delete_time: object.deleted.map(timestamp),
        finalize_time: Some(timestamp(object.created)),
        create_time: Some(timestamp(object.created)),
        update_time: Some(timestamp(object.updated)),
        update_storage_class_time: Some(timestamp(object.created)),
        component_count: object
            .component_count
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or_default(),
        checksums: Some(pb::ObjectChecksums {
            crc32c: Some(object.crc32c),
            md5_hash: object.md5.unwrap_or_default(),
        }),
        metadata: given.metadata.into_iter().collect(),
        custom_time: given.custom_time.map(timestamp),
        ..pb::Object::default()
    }
}

/// The attributes that a caller sets.
pub(super) fn attributes(object: pb::Object) -> Attributes {
    Attributes {
        content_type: filled(object.content_type),
        content_encoding: filled(object.content_encoding),
        content_disposition: filled(object.content_disposition),
        content_language: filled(object.content_language),
        cache_control: filled(object.cache_control),
        storage_class: filled(object.storage_class),
        custom_time: object.custom_time.and_then(time),
        metadata: BTreeMap::from_iter(object.metadata),
    }
}

/// `old` with the fields of `mask` taken from `new`.
pub(super) fn masked(
    old: &Attributes,
    new: &Attributes,
    mask: &[String],
) -> Result<Attributes, Failure> {
    let mut changed = old.clone();
    for path in mask {
        match path.as_str() {
            "*" => {
                changed = Attributes {
                    storage_class: old.storage_class.clone(),
                    ..new.clone()
                };
            }
            "content_type" => changed.content_type.clone_from(&new.content_type),
            "content_encoding" => changed.content_encoding.clone_from(&new.content_encoding),
            "content_disposition" => {
                changed
                    .content_disposition
                    .clone_from(&new.content_disposition);
            }
            "content_language" => changed.content_language.clone_from(&new.content_language),
            "cache_control" => changed.cache_control.clone_from(&new.cache_control),
            "custom_time" => changed.custom_time = new.custom_time,
            "metadata" => changed.metadata.clone_from(&new.metadata),
            other => match other.strip_prefix("metadata.") {
                Some(key) => match new.metadata.get(key) {
                    Some(value) => {
                        changed.metadata.insert(key.to_owned(), value.clone());
                    }
                    None => {
                        changed.metadata.remove(key);
                    }
                },
                None => return Err(Failure::Unserved(format!("UpdateObject of `{other}`"))),
            },
        }
    }
    changed.validate()
}

/// `bucket` as a message, without further fields that the JSON API stores.
pub(super) fn bucket(bucket: &Bucket) -> pb::Bucket {
    let setting = |path: &str| bucket.setting(path);
    let uniform = "/iamConfiguration/uniformBucketLevelAccess/enabled";
    let labels = setting("/labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    pb::Bucket {
        name: format!("{BUCKET_PREFIX}{}", bucket.name),
        bucket_id: bucket.name.clone(),
        etag: etag(0, bucket.metageneration),
        project: format!("projects/{}", bucket.project_number()),
        metageneration: bucket.metageneration,
        location: bucket.text("location").to_owned(),
        location_type: bucket.location_type().to_owned(),
        storage_class: bucket.text("storageClass").to_owned(),
        create_time: Some(timestamp(bucket.created)),
        update_time: Some(timestamp(bucket.updated)),
        labels: labels
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        versioning: setting("/versioning").map(|_| pb::bucket::Versioning {
            enabled: bucket.is_versioned(),
        }),
        iam_config: Some(pb::bucket::IamConfig {
            uniform_bucket_level_access: Some(pb::bucket::iam_config::UniformBucketLevelAccess {
                enabled: setting(uniform) == Some(&Value::Bool(true)),
                lock_time: None,
            }),
            public_access_prevention: setting("/iamConfiguration/publicAccessPrevention")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        }),
        ..pb::Bucket::default()
    }
}

/// The settings of a new bucket, as a JSON resource.
pub(super) fn bucket_resource(bucket: &pb::Bucket) -> Value {
    let mut resource = Map::new();
    for (key, value) in [
        ("location", &bucket.location),
        ("storageClass", &bucket.storage_class),
    ] {
        if !value.is_empty() {
            resource.insert(key.to_owned(), value.as_str().into());
        }
    }
    if !bucket.labels.is_empty() {
        resource.insert("labels".to_owned(), json!(bucket.labels));
    }
    if let Some(versioning) = &bucket.versioning {
        resource.insert(
            "versioning".to_owned(),
            json!({ "enabled": versioning.enabled }),
        );
    }
    if let Some(iam) = &bucket.iam_config {
        let mut config = Map::new();
        if let Some(uniform) = &iam.uniform_bucket_level_access {
            let uniform = json!({ "enabled": uniform.enabled });
            config.insert("uniformBucketLevelAccess".to_owned(), uniform.clone());
            config.insert("bucketPolicyOnly".to_owned(), uniform);
        }
        if !iam.public_access_prevention.is_empty() {
            let prevention = iam.public_access_prevention.as_str();
            config.insert("publicAccessPrevention".to_owned(), prevention.into());
        }
        resource.insert("iamConfiguration".to_owned(), config.into());
    }
    resource.into()
}

/// A size as a signed integer.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

fn time(timestamp: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
