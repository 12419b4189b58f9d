//! The JSON form of policies, with the fields that are used.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{Documentation, MissingData};
use crate::monitoring::align::{Aligner, Reducer};

/// A policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicyFields {
    pub(super) name: String,
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) user_labels: BTreeMap<String, String>,
    pub(super) documentation: Option<Documentation>,
    pub(super) severity: Option<String>,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) combiner: String,
    #[serde(default)]
    pub(super) conditions: Vec<Value>,
    #[serde(default)]
    pub(super) notification_channels: Vec<String>,
    #[serde(default)]
    pub(super) alert_strategy: Strategy,
}

fn yes() -> bool {
    true
}

/// When and how often to notify.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Strategy {
    pub(super) notification_rate_limit: Option<RateLimit>,
    #[serde(deserialize_with = "duration")]
    pub(super) auto_close: Option<TimeDelta>,
    pub(super) notification_prompts: Vec<NotificationPrompt>,
}

/// The minimum time between two notifications.
#[derive(Debug, Deserialize)]
pub(super) struct RateLimit {
    #[serde(deserialize_with = "duration")]
    pub(super) period: Option<TimeDelta>,
}

/// An event of an incident that is notified.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum NotificationPrompt {
    Opened,
    Closed,
}

/// `conditionThreshold`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThresholdFields {
    pub(super) filter: String,
    #[serde(default)]
    pub(super) aggregations: Vec<AggregationFields>,
    pub(super) comparison: String,
    #[serde(default)]
    pub(super) threshold_value: f64,
    #[serde(default, deserialize_with = "duration")]
    pub(super) duration: Option<TimeDelta>,
    pub(super) trigger: Option<TriggerFields>,
    #[serde(default)]
    pub(super) evaluation_missing_data: MissingData,
    pub(super) denominator_filter: Option<String>,
    pub(super) forecast_options: Option<Value>,
}

/// How points become one value.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AggregationFields {
    #[serde(deserialize_with = "duration")]
    pub(super) alignment_period: Option<TimeDelta>,
    pub(super) per_series_aligner: Option<Aligner>,
    pub(super) cross_series_reducer: Option<Reducer>,
    pub(super) group_by_fields: Vec<String>,
}

/// How many series must violate the threshold; one of the two is set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TriggerFields {
    pub(super) count: Option<usize>,
    pub(super) percent: Option<f64>,
}

/// `conditionMatchedLog`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchedLogFields {
    pub(super) filter: String,
    #[serde(default)]
    pub(super) label_extractors: BTreeMap<String, String>,
}

/// Parses a duration in JSON: `"60s"`, `"1.5s"`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeDelta>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = text
        .strip_suffix('s')
        .and_then(|number| number.parse::<f64>().ok());
    let span = seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    let span = span.and_then(|span| TimeDelta::from_std(span).ok());
    match span {
        Some(span) => Ok(Some(span)),
        None => Err(D::Error::custom(format!(
            "expected a duration such as `60s`, found `{text}`"
        ))),
    }
}
