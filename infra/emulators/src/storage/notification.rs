//! Notification configurations, and the messages that they publish.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{failure::Failure, object::ObjectMetadata};

/// The prefix of topics in configurations.
const TOPIC_PREFIX: &str = "//pubsub.googleapis.com/";
/// `MAX_NOTIFICATION_CUSTOM_ATTRIBUTES` of google.storage.v2.
const CUSTOM_ATTRIBUTES_MAX: usize = 5;

/// A notification configuration: what is published, and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NotificationConfig {
    /// Assigned by the service, unique in the bucket.
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    payload_format: String,
    /// Empty for all types.
    #[serde(default)]
    event_types: Vec<String>,
    #[serde(default)]
    object_name_prefix: String,
    #[serde(default)]
    custom_attributes: BTreeMap<String, String>,
}

/// What happened to a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventType {
    /// It was created; `overwrote` was live before it.
    Finalize {
        overwrote: Option<i64>,
    },
    MetadataUpdate,
    /// It was deleted; `by` replaced it.
    Delete {
        by: Option<i64>,
    },
    /// It is kept but no longer live; `by` replaced it.
    Archive {
        by: Option<i64>,
    },
}

impl EventType {
    fn event_type(self) -> &'static str {
        match self {
            Self::Finalize { .. } => "OBJECT_FINALIZE",
            Self::MetadataUpdate => "OBJECT_METADATA_UPDATE",
            Self::Delete { .. } => "OBJECT_DELETE",
            Self::Archive { .. } => "OBJECT_ARCHIVE",
        }
    }
}

/// A message for Pub/Sub.
#[derive(Debug)]
pub(super) struct EventMessage {
    /// The full name, `projects/P/topics/T`.
    pub(super) topic: String,
    pub(super) data: Vec<u8>,
    pub(super) attributes: BTreeMap<String, String>,
}

impl NotificationConfig {
    /// Validates the resource of an insert.
    pub(super) fn validate(resource: &Value) -> Result<Self, Failure> {
        let mut read: Self = Self::deserialize(resource)
            .map_err(|error| Failure::Invalid(format!("Invalid notification: {error}")))?;
        if read.topic.is_empty() {
            return Err(Failure::Required("topic"));
        }
        // Production accepts the topic's plain name too, and answers with the full one.
        let topic = read.topic.strip_prefix(TOPIC_PREFIX).unwrap_or(&read.topic);
        if !matches!(
            topic.split('/').collect::<Vec<_>>().as_slice(),
            ["projects", _, "topics", _]
        ) {
            return Err(Failure::Invalid(format!("Invalid topic: {}", read.topic)));
        }
        read.topic = format!("{TOPIC_PREFIX}{topic}");
        match read.payload_format.as_str() {
            "JSON_API_V1" | "NONE" => {}
            "" => return Err(Failure::Required("payload_format")),
            other => return Err(Failure::Invalid(format!("Invalid payload format: {other}"))),
        }
        for event_type in &read.event_types {
            match event_type.as_str() {
                "OBJECT_FINALIZE"
                | "OBJECT_METADATA_UPDATE"
                | "OBJECT_DELETE"
                | "OBJECT_ARCHIVE" => {}
                other => return Err(Failure::Invalid(format!("Invalid event type: {other}"))),
            }
        }
        if read.custom_attributes.len() > CUSTOM_ATTRIBUTES_MAX {
            return Err(Failure::Invalid(format!(
                "A notification may have {CUSTOM_ATTRIBUTES_MAX} custom attributes."
            )));
        }
        Ok(read)
    }

    /// The resource of the JSON API, whose keys have underscores.
    pub(super) fn json(&self, base_url: &str, bucket: &str) -> Value {
        let mut resource = json!({
            "kind": "storage#notification",
            "id": self.id,
            "selfLink": format!("{base_url}/storage/v1/b/{bucket}/notificationConfigs/{}", self.id),
            "topic": self.topic,
            "payload_format": self.payload_format,
            "etag": self.id,
        });
        if let Some(keys) = resource.as_object_mut() {
            if !self.event_types.is_empty() {
                keys.insert("event_types".to_owned(), json!(self.event_types));
            }
            if !self.object_name_prefix.is_empty() {
                keys.insert(
                    "object_name_prefix".to_owned(),
                    json!(self.object_name_prefix),
                );
            }
            if !self.custom_attributes.is_empty() {
                keys.insert(
                    "custom_attributes".to_owned(),
                    json!(self.custom_attributes),
                );
            }
        }
        resource
    }

    /// The message about `event`, if this configuration selects it. Attributes as in
    /// cloud.google.com/storage/docs/pubsub-notifications#attributes.
    pub(super) fn message(
        &self,
        event: EventType,
        object: &ObjectMetadata,
        now: DateTime<Utc>,
        base_url: &str,
    ) -> Option<EventMessage> {
        let event_type = event.event_type();
        let selected =
            self.event_types.is_empty() || self.event_types.iter().any(|t| t == event_type);
        if !selected || !object.name.starts_with(&self.object_name_prefix) {
            return None;
        }
        let config = format!(
            "projects/_/buckets/{}/notificationConfigs/{}",
            object.bucket, self.id
        );
        let mut attributes = self.custom_attributes.clone();
        attributes.extend(
            [
                ("notificationConfig", config),
                ("eventType", event_type.to_owned()),
                ("payloadFormat", self.payload_format.clone()),
                ("bucketId", object.bucket.clone()),
                ("objectId", object.name.clone()),
                ("objectGeneration", object.generation.to_string()),
                (
                    "eventTime",
                    now.to_rfc3339_opts(SecondsFormat::Micros, true),
                ),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        let other = match event {
            EventType::Finalize { overwrote } => overwrote.map(|o| ("overwroteGeneration", o)),
            EventType::Delete { by } | EventType::Archive { by } => {
                by.map(|by| ("overwrittenByGeneration", by))
            }
            EventType::MetadataUpdate => None,
        };
        if let Some((key, generation)) = other {
            attributes.insert(key.to_owned(), generation.to_string());
        }
        let data = match self.payload_format.as_str() {
            "NONE" => Vec::new(),
            _ => serde_json::to_vec(&object.json(base_url)).unwrap_or_default(),
        };
        Some(EventMessage {
            topic: self.topic.trim_start_matches(TOPIC_PREFIX).to_owned(),
            data,
            attributes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(resource: &Value, refusal: Option<&str>) {
        let got = NotificationConfig::validate(resource)
            .err()
            .map(|e| e.to_string());
        assert_eq!(got.as_deref(), refusal, "{resource}");
    }

    #[test]
    fn a_configuration_is_validated() {
        let topic = "//pubsub.googleapis.com/projects/p/topics/t";
        check(&json!({"topic": topic, "payload_format": "NONE"}), None);
        check(
            &json!({"payload_format": "NONE"}),
            Some("Required parameter: topic"),
        );
        check(
            &json!({"topic": topic}),
            Some("Required parameter: payload_format"),
        );
        check(
            &json!({"topic": "projects/p/topics/t", "payload_format": "NONE"}),
            None,
        );
        check(
            &json!({"topic": "topics/t", "payload_format": "NONE"}),
            Some("Invalid topic: topics/t"),
        );
        check(
            &json!({"topic": topic, "payload_format": "NONE", "event_types": ["OBJECT_SOLD"]}),
            Some("Invalid event type: OBJECT_SOLD"),
        );
    }
}
