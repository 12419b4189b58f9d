//! Incidents as a Pub/Sub notification channel publishes them: schema 1.2 of
//! <https://cloud.google.com/monitoring/support/notification-options#pubsub>.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use data_encoding::BASE32HEX_NOPAD;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use super::{
    policy::{AlertPolicy, Condition, ConditionKind},
    series::SeriesKey,
};
use crate::identity::project_number;

/// An incident with what its notification contains.
#[derive(Debug)]
pub(super) struct Incident<'a> {
    pub(super) policy: &'a AlertPolicy,
    pub(super) condition: &'a Condition,
    pub(super) key: &'a SeriesKey,
    pub(super) started: DateTime<Utc>,
    pub(super) ended: Option<DateTime<Utc>>,
    /// Absent if a log entry matched.
    pub(super) observed: Option<f64>,
}

impl Incident<'_> {
    /// Equal for the opening and the closing, different for the next incident.
    fn id(&self) -> String {
        let mut hash = Md5::new();
        hash.update(&self.condition.name);
        hash.update(self.key.to_value().to_string());
        hash.update(self.started.to_rfc3339());
        let text = BASE32HEX_NOPAD.encode(&hash.finalize()).to_lowercase();
        format!("0.{}", text.get(..12).unwrap_or(&text))
    }

    /// The data of the message.
    pub(super) fn payload(&self) -> Value {
        let Self {
            policy,
            condition,
            key,
            ..
        } = self;
        let id = self.id();
        let project = policy.project();
        let state = self.ended.map_or("open", |_| "closed");
        let mut incident = Map::new();
        let mut put = |field: &str, value: Value| drop(incident.insert(field.to_owned(), value));
        put("url", format!("https://console.cloud.google.com/monitoring/alerting/incidents/{id}?project={project}").into());
        put("incident_id", id.into());
        put("scoping_project_id", project.into());
        put("scoping_project_number", project_number(project).into());
        put("started_at", self.started.timestamp().into());
        put("ended_at", self.ended.map(|ended| ended.timestamp()).into());
        put("state", state.into());
        if let Some(severity) = &policy.severity {
            put("severity", severity.as_str().into());
        }
        put("summary", self.summary().into());
        put("policy_name", policy.display_name.as_str().into());
        put("policy_user_labels", json!(policy.user_labels));
        put("condition_name", condition.display_name.as_str().into());
        put("condition", condition.source.clone());
        if let (ConditionKind::Threshold(threshold), Some(observed)) =
            (&condition.kind, self.observed)
        {
            put("threshold_value", threshold.value.to_string().into());
            put("observed_value", observed.to_string().into());
        }
        let resource = &key.resource_type;
        put("resource_id", "".into());
        put("resource_name", format!("{project} {resource}").into());
        put("resource_display_name", "".into());
        put("resource_type_display_name", resource.as_str().into());
        put(
            "resource",
            json!({ "type": resource, "labels": key.resource_labels }),
        );
        put(
            "metric",
            json!({
                "type": key.metric_type,
                "displayName": key.metric_type,
                "labels": key.metric_labels,
            }),
        );
        put(
            "metadata",
            json!({ "system_labels": {}, "user_labels": {} }),
        );
        if let Some(documentation) = &policy.documentation {
            put(
                "documentation",
                json!({
                    "content": self.substituted(&documentation.content),
                    "mime_type": documentation.mime_type,
                    "subject": self.substituted(&documentation.subject),
                    "links": documentation.links,
                }),
            );
        }
        json!({ "version": "1.2", "incident": incident })
    }

    fn summary(&self) -> String {
        let condition = &self.condition.display_name;
        let mut summary = match (&self.condition.kind, self.observed) {
            (ConditionKind::Threshold(threshold), Some(observed)) => {
                let side = if threshold.above { "above" } else { "below" };
                let limit = threshold.value;
                format!(
                    "{} for {condition} is {side} the threshold of {limit} with a value of {observed}.",
                    self.key.metric_type
                )
            }
            _ => format!("Log match condition fired for {condition}."),
        };
        if self.ended.is_some() {
            _ = write!(summary, " The incident is closed.");
        }
        summary
    }

    /// `template` with its variables replaced; a variable without a value becomes `null`:
    /// <https://cloud.google.com/monitoring/alerts/doc-variables>.
    fn substituted(&self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                rest = after;
                text.push_str("${");
                continue;
            };
            text.push_str(&self.variable(name).unwrap_or_else(|| "null".to_owned()));
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn variable(&self, name: &str) -> Option<String> {
        let Self {
            policy,
            condition,
            key,
            ..
        } = self;
        let metric = name
            .strip_prefix("metric.label.")
            .or_else(|| name.strip_prefix("metric.labels."))
            .or_else(|| name.strip_prefix("log.extracted_label."));
        let resource = name
            .strip_prefix("resource.label.")
            .or_else(|| name.strip_prefix("resource.labels."));
        if let Some(label) = metric {
            return key.metric_labels.get(label).cloned();
        }
        if let Some(label) = resource {
            return key.resource_labels.get(label).cloned();
        }
        if let Some(label) = name.strip_prefix("policy.user_label.") {
            return policy.user_labels.get(label).cloned();
        }
        Some(match name {
            "policy.name" => policy.name.clone(),
            "policy.display_name" => policy.display_name.clone(),
            "condition.name" => condition.name.clone(),
            "condition.display_name" => condition.display_name.clone(),
            "metric.type" | "metric.display_name" => key.metric_type.clone(),
            "resource.type" => key.resource_type.clone(),
            "project" | "resource.project" => policy.project().to_owned(),
            _ => return None,
        })
    }
}
