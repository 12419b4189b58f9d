//! One generation of an object, and its JSON resource.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{condition::Current, failure::Failure};

/// Bytes of an object's name: cloud.google.com/storage/docs/objects#naming.
const NAME_MAX_BYTES: usize = 1024;
/// Bytes of all custom metadata: `MAX_CUSTOM_METADATA_TOTAL_SIZE_BYTES` of google.storage.v2.
const METADATA_MAX_BYTES: usize = 8192;

/// All but the unreserved characters of RFC 3986: the characters of a name to escape in a URL.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name of an object, with its bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectName {
    pub(super) bucket: String,
    pub(super) object: String,
}

impl ObjectName {
    /// A name for look-ups, without validation.
    pub(super) fn new(bucket: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            object: object.into(),
        }
    }

    /// Refuses a name that production refuses.
    pub(super) fn validate(&self) -> Result<(), Failure> {
        let name = &self.object;
        if name.is_empty() {
            return Err(Failure::Required("name"));
        }
        let bad = name.len() > NAME_MAX_BYTES
            || name.contains(['\r', '\n'])
            || matches!(name.as_str(), "." | "..");
        if bad {
            return Err(Failure::Invalid(format!("Invalid object name: {name:?}")));
        }
        Ok(())
    }

    pub(super) fn not_found(&self) -> Failure {
        Failure::NoObject {
            bucket: self.bucket.clone(),
            object: self.object.clone(),
        }
    }
}

/// The attributes that a caller sets, in the JSON form of the API's resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    /// That of the bucket if the caller sets none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) storage_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
}

impl Attributes {
    /// These attributes changed by the keys of `resource`: `null` removes, `metadata` merges by key.
    pub(super) fn patched(&self, resource: &Value) -> Result<Self, Failure> {
        let mut whole = serde_json::to_value(self)?;
        merge(&mut whole, resource);
        let patched: Self = serde_json::from_value(whole)
            .map_err(|error| Failure::Invalid(format!("Invalid object resource: {error}")))?;
        patched.validate()
    }

    /// Refuses more custom metadata than production stores.
    pub(super) fn validate(self) -> Result<Self, Failure> {
        let size: usize = self
            .metadata
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if size > METADATA_MAX_BYTES {
            return Err(Failure::Invalid(format!(
                "The total size of custom metadata may be {METADATA_MAX_BYTES} bytes, not {size}."
            )));
        }
        Ok(self)
    }
}

/// Applies `patch` to `target` by RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// One generation of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ObjectMetadata {
    pub(super) bucket: String,
    pub(super) name: String,
    pub(super) generation: i64,
    pub(super) metageneration: i64,
    pub(super) size_bytes: u64,
    pub(super) crc32c: u32,
    pub(super) md5: Option<Vec<u8>>,
    /// The number of uploads in a composed object.
    pub(super) component_count: Option<u32>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    /// When this generation stopped being live.
    pub(super) deleted: Option<DateTime<Utc>>,
    pub(super) attributes: Attributes,
}

impl ObjectMetadata {
    pub(super) fn current(&self) -> Current {
        (self.generation, self.metageneration)
    }

    pub(super) fn is_live(&self) -> bool {
        self.deleted.is_none()
    }

    pub(super) fn etag(&self) -> String {
        etag(self.generation, self.metageneration)
    }

    /// The value of `x-goog-hash`.
    pub(super) fn hashes(&self) -> String {
        let crc32c = base64_crc32c(self.crc32c);
        match &self.md5 {
            Some(md5) => format!("crc32c={crc32c},md5={}", BASE64_STANDARD.encode(md5)),
            None => format!("crc32c={crc32c}"),
        }
    }

    /// The resource of the JSON API: int64 as strings, absent fields omitted.
    pub(super) fn json(&self, base_url: &str) -> Value {
        let (bucket, generation) = (&self.bucket, self.generation);
        let path = format!(
            "storage/v1/b/{bucket}/o/{}",
            utf8_percent_encode(&self.name, UNRESERVED)
        );
        let mut resource = json!({
            "kind": "storage#object",
            "id": format!("{bucket}/{}/{generation}", self.name),
            "selfLink": format!("{base_url}/{path}"),
            "mediaLink": format!("{base_url}/download/{path}?generation={generation}&alt=media"),
            "name": self.name,
            "bucket": bucket,
            "generation": generation.to_string(),
            "metageneration": self.metageneration.to_string(),
            "size": self.size_bytes.to_string(),
            "crc32c": base64_crc32c(self.crc32c),
            "etag": self.etag(),
            "timeCreated": rfc3339(self.created),
            "timeFinalized": rfc3339(self.created),
            "timeStorageClassUpdated": rfc3339(self.created),
            "updated": rfc3339(self.updated),
        });
        let attributes = serde_json::to_value(&self.attributes).unwrap_or_default();
        merge(&mut resource, &attributes);
        let extra = json!({
            "md5Hash": self.md5.as_ref().map(|md5| BASE64_STANDARD.encode(md5)),
            "componentCount": self.component_count,
            "timeDeleted": self.deleted.map(rfc3339),
            "customTime": self.attributes.custom_time.map(rfc3339),
        });
        // Merging drops nulls, which Google's Rust client rejects for numbers.
        merge(&mut resource, &extra);
        resource
    }
}

/// A time with milliseconds and `Z`, as in the JSON API.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Big-endian bytes in base64, as the JSON API writes CRC32C.
pub(super) fn base64_crc32c(crc32c: u32) -> String {
    BASE64_STANDARD.encode(crc32c.to_be_bytes())
}

/// Production's entity tags are a protobuf message of two fields in base64, such as `CJ3x1K7Gy/ECEAE=`.
pub(super) fn etag(generation: i64, metageneration: i64) -> String {
    let mut bytes = Vec::new();
    prost::encoding::int64::encode(1, &generation, &mut bytes);
    prost::encoding::int64::encode(2, &metageneration, &mut bytes);
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_patch(before: &Value, patch: &Value, after: &Value) {
        let before = Attributes::default().patched(before).unwrap();
        let got = serde_json::to_value(before.patched(patch).unwrap()).unwrap();
        assert_eq!(&got, after, "{patch}");
    }

    #[test]
    fn a_patch_merges_metadata_and_null_removes() {
        let before = json!({"contentType": "a/b", "metadata": {"k": "1", "l": "2"}});
        check_patch(&before, &json!({}), &before);
        check_patch(
            &before,
            &json!({"metadata": {"k": null, "m": "3"}, "size": "9"}),
            &json!({"contentType": "a/b", "metadata": {"l": "2", "m": "3"}}),
        );
        check_patch(
            &before,
            &json!({"contentType": null, "metadata": null, "cacheControl": "no-store"}),
            &json!({"cacheControl": "no-store"}),
        );
    }

    #[test]
    fn an_entity_tag_has_the_form_of_production() {
        assert_eq!(etag(1, 1), "CAEQAQ==");
    }

    #[test]
    fn too_much_metadata_is_refused() {
        let resource = json!({"metadata": {"k": "v".repeat(METADATA_MAX_BYTES)}});
        assert!(Attributes::default().patched(&resource).is_err());
    }
}
