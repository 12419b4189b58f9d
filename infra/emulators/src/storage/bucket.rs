//! A bucket and its JSON resource.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    condition::Current,
    failure::Failure,
    object::{etag, merge, rfc3339},
};

/// Read-only keys of the resource; values that a caller sends are ignored.
const READ_ONLY: [&str; 11] = [
    "kind",
    "id",
    "selfLink",
    "name",
    "projectNumber",
    "metageneration",
    "generation",
    "etag",
    "timeCreated",
    "updated",
    "locationType",
];
/// The default location of a bucket.
const LOCATION: &str = "US";

/// A bucket without its objects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) project: String,
    pub(super) metageneration: i64,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    /// Notification configurations created so far; their ids are never reused.
    pub(super) notifications_made: u64,
    /// The settings of callers: stored and returned; only versioning and storage class have an effect.
    pub(super) settings: Map<String, Value>,
}

impl Bucket {
    /// A new bucket of `project` with the caller's `resource`.
    pub(super) fn new(
        project: &str,
        name: &str,
        resource: &Value,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        validate_name(name)?;
        if project.is_empty() {
            return Err(Failure::Required("project"));
        }
        let mut settings = defaults();
        merge_settings(&mut settings, resource);
        let location = settings.get("location").and_then(Value::as_str);
        let location = location.unwrap_or(LOCATION).to_uppercase();
        settings.insert("location".to_owned(), location.into());
        Ok(Self {
            name: name.to_owned(),
            project: project.to_owned(),
            metageneration: 1,
            created: now,
            updated: now,
            notifications_made: 0,
            settings,
        })
    }

    /// Merges the keys of `resource`; `null` removes.
    pub(super) fn patch(&mut self, resource: &Value) {
        let location = self.settings.get("location").cloned();
        merge_settings(&mut self.settings, resource);
        self.settings
            .insert("location".to_owned(), location.unwrap_or(LOCATION.into()));
        for (key, value) in defaults() {
            self.settings.entry(key).or_insert(value);
        }
    }

    /// Sets the keys of `resource` and removes all others.
    pub(super) fn replace(&mut self, resource: &Value) {
        self.settings
            .retain(|key, _| matches!(key.as_str(), "location" | "storageClass"));
        self.patch(resource);
    }

    pub(super) fn current(&self) -> Current {
        (0, self.metageneration)
    }

    /// The setting at `path`, such as `/versioning/enabled`.
    pub(super) fn setting(&self, path: &str) -> Option<&Value> {
        let path = path.strip_prefix('/')?;
        let (key, rest) = path.find('/').map_or((path, ""), |at| path.split_at(at));
        self.settings.get(key)?.pointer(rest)
    }

    /// Whether overwritten and deleted generations are kept.
    pub(super) fn is_versioned(&self) -> bool {
        self.setting("/versioning/enabled") == Some(&Value::Bool(true))
    }

    /// A setting that is a string, such as `location`.
    pub(super) fn text(&self, key: &str) -> &str {
        self.settings
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// `multi-region`, `dual-region` or `region`.
    pub(super) fn location_type(&self) -> &'static str {
        match self.text("location") {
            "US" | "EU" | "ASIA" => "multi-region",
            "NAM4" | "EUR4" | "EUR5" | "EUR7" | "EUR8" | "ASIA1" => "dual-region",
            _ => "region",
        }
    }

    /// An invented number, always the same for the same project.
    pub(super) fn project_number(&self) -> u64 {
        100_000_000_000 + u64::from(crc32c::crc32c(self.project.as_bytes()))
    }

    /// The resource of the JSON API.
    pub(super) fn json(&self, base_url: &str) -> Value {
        let name = &self.name;
        let mut resource = json!({
            "kind": "storage#bucket",
            "id": name,
            "selfLink": format!("{base_url}/storage/v1/b/{name}"),
            "name": name,
            "projectNumber": self.project_number().to_string(),
            "metageneration": self.metageneration.to_string(),
            "etag": etag(0, self.metageneration),
            "timeCreated": rfc3339(self.created),
            "updated": rfc3339(self.updated),
            "locationType": self.location_type(),
        });
        merge(&mut resource, &Value::Object(self.settings.clone()));
        resource
    }
}

fn defaults() -> Map<String, Value> {
    let uniform = json!({ "enabled": false });
    let iam = json!({
        "bucketPolicyOnly": uniform,
        "uniformBucketLevelAccess": uniform,
        "publicAccessPrevention": "inherited",
    });
    Map::from_iter([
        ("storageClass".to_owned(), "STANDARD".into()),
        ("iamConfiguration".to_owned(), iam),
    ])
}

fn merge_settings(settings: &mut Map<String, Value>, resource: &Value) {
    let mut resource = resource.clone();
    if let Some(keys) = resource.as_object_mut() {
        keys.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
        let mut whole = Value::Object(std::mem::take(settings));
        merge(&mut whole, &resource);
        if let Value::Object(merged) = whole {
            *settings = merged;
        }
    }
}

/// The rules of cloud.google.com/storage/docs/buckets#naming that do not need a dictionary.
fn validate_name(name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::Required("name"));
    }
    let length = if name.contains('.') { 3..=222 } else { 3..=63 };
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = length.contains(&name.len())
        && name
            .chars()
            .all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && name.split('.').all(|part| (1..=63).contains(&part.len()))
        && !name.starts_with("goog")
        && !name.contains("google");
    if good {
        Ok(())
    } else {
        Err(Failure::Invalid(format!("Invalid bucket name: '{name}'")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, good: bool) {
        assert_eq!(validate_name(name).is_ok(), good, "{name}");
    }

    #[test]
    fn a_bucket_name_follows_the_rules() {
        check("acme-llm-uploads", true);
        check("a_b.c0", true);
        check("0ab", true);
        check("ab", false);
        check("Upper", false);
        check("-lead", false);
        check("trail-", false);
        check("a..b", false);
        check("googly", false);
        check(&"x".repeat(64), false);
        check(&format!("{}.{}", "x".repeat(60), "y".repeat(60)), true);
    }
}
