//! Alert policies: their conditions, and the channels they notify.

mod fields;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value;

use super::{
    align::{Aligner, Reducer},
    filter::{self, LogFilter},
    metric::Extractor,
};
use crate::rest::{self, invalid};

use self::fields::{MatchedLogFields, NotificationPrompt, PolicyFields, ThresholdFields};

/// Conditions of one policy; the service's own limit.
const CONDITIONS_MAX: usize = 6;

/// The period of an aggregation without `alignmentPeriod`, and of a condition without aggregation.
const PERIOD: TimeDelta = TimeDelta::seconds(60);

/// Minimum of the alignment period; the service's own limit.
const PERIOD_MIN: TimeDelta = TimeDelta::seconds(60);

/// When an incident without data closes unless the policy sets it; the service's default.
const AUTO_CLOSE: TimeDelta = TimeDelta::days(7);

/// Minimum of `autoClose`; the service's own limit.
const AUTO_CLOSE_MIN: TimeDelta = TimeDelta::minutes(30);

/// A policy, parsed.
#[derive(Debug, Clone)]
pub(super) struct AlertPolicy {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) user_labels: BTreeMap<String, String>,
    pub(super) documentation: Option<Documentation>,
    pub(super) severity: Option<String>,
    pub(super) enabled: bool,
    pub(super) conditions: Vec<Condition>,
    pub(super) channels: Vec<String>,
    /// Whether the closing of an incident is notified; the opening always is.
    pub(super) notifies_closed: bool,
    pub(super) auto_close: TimeDelta,
    /// The minimum time between two notifications, for a policy on logs.
    pub(super) rate_limit: Option<TimeDelta>,
}

/// The text of a policy's notifications, with variables in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Documentation {
    pub(super) content: String,
    pub(super) mime_type: String,
    pub(super) subject: String,
    pub(super) links: Vec<Value>,
}

/// One condition.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) display_name: String,
    /// The JSON resource, for notifications.
    pub(super) source: Value,
    pub(super) kind: ConditionKind,
}

/// What a condition tests.
#[derive(Debug, Clone)]
pub(super) enum ConditionKind {
    Threshold(Threshold),
    MatchedLog(MatchedLog),
}

/// Series above or below a threshold.
#[derive(Debug, Clone)]
pub(super) struct Threshold {
    pub(super) filter: LogFilter,
    pub(super) period: TimeDelta,
    pub(super) aligner: Aligner,
    pub(super) reducer: Option<Reducer>,
    pub(super) group_by: Vec<Vec<String>>,
    pub(super) above: bool,
    pub(super) value: f64,
    pub(super) duration: TimeDelta,
    pub(super) trigger: Trigger,
    pub(super) missing: MissingData,
}

/// How many series must violate the threshold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trigger {
    Count(usize),
    Percent(f64),
}

/// How a series without data is treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum MissingData {
    #[default]
    #[serde(
        rename = "EVALUATION_MISSING_DATA_NO_OP",
        alias = "EVALUATION_MISSING_DATA_UNSPECIFIED"
    )]
    Nothing,
    #[serde(rename = "EVALUATION_MISSING_DATA_INACTIVE")]
    Good,
    #[serde(rename = "EVALUATION_MISSING_DATA_ACTIVE")]
    Bad,
}

/// A log entry that matches.
#[derive(Debug, Clone)]
pub(super) struct MatchedLog {
    pub(super) filter: LogFilter,
    pub(super) labels: BTreeMap<String, Extractor>,
}

impl AlertPolicy {
    /// Parses a policy's JSON resource, in which names are already assigned.
    pub(super) fn parse(resource: &Value) -> Result<Self, rest::Error> {
        let fields =
            PolicyFields::deserialize(resource).map_err(|error| invalid(error.to_string()))?;
        if fields.conditions.is_empty() || fields.conditions.len() > CONDITIONS_MAX {
            return Err(invalid("conditions: expected one to six"));
        }
        if fields.conditions.len() > 1 && fields.combiner != "OR" {
            return Err(unserved(&format!(
                "combiner `{}` of several conditions",
                fields.combiner
            )));
        }
        let conditions = fields.conditions.into_iter().map(Condition::parse);
        let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>()?;
        let on_logs = conditions
            .iter()
            .any(|condition| matches!(condition.kind, ConditionKind::MatchedLog(_)));
        let strategy = fields.alert_strategy;
        let rate_limit = strategy
            .notification_rate_limit
            .and_then(|limit| limit.period);
        if on_logs && (conditions.len() > 1 || rate_limit.is_none()) {
            let message = "conditionMatchedLog must be the only condition and needs alertStrategy.notificationRateLimit";
            return Err(invalid(message));
        }
        if !on_logs && rate_limit.is_some() {
            return Err(invalid(
                "alertStrategy.notificationRateLimit is for conditionMatchedLog only",
            ));
        }
        let auto_close = strategy.auto_close.unwrap_or(AUTO_CLOSE);
        if auto_close < AUTO_CLOSE_MIN {
            return Err(invalid("alertStrategy.autoClose: expected at least 1800s"));
        }
        let prompts = strategy.notification_prompts;
        let both = prompts.is_empty() || prompts.contains(&NotificationPrompt::Closed);
        Ok(Self {
            name: fields.name,
            display_name: fields.display_name,
            user_labels: fields.user_labels,
            documentation: fields.documentation,
            severity: fields.severity,
            enabled: fields.enabled,
            conditions,
            channels: fields.notification_channels,
            notifies_closed: both && !on_logs,
            auto_close,
            rate_limit,
        })
    }

    /// The id of the policy's project.
    pub(super) fn project(&self) -> &str {
        self.name.split('/').nth(1).unwrap_or_default()
    }
}

impl Condition {
    fn parse(source: Value) -> Result<Self, rest::Error> {
        let text = |field: &str| {
            let text = source.get(field).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let kind = if let Some(fields) = source.get("conditionThreshold") {
            let fields =
                ThresholdFields::deserialize(fields).map_err(|error| invalid(error.to_string()))?;
            ConditionKind::Threshold(Threshold::parse(fields)?)
        } else if let Some(fields) = source.get("conditionMatchedLog") {
            let fields = MatchedLogFields::deserialize(fields)
                .map_err(|error| invalid(error.to_string()))?;
            ConditionKind::MatchedLog(MatchedLog::parse(fields)?)
        } else {
            let fields = source.as_object().into_iter().flatten();
            let mut kinds = fields.filter(|(field, _)| field.starts_with("condition"));
            let Some((kind, _)) = kinds.next() else {
                return Err(invalid(
                    "expected conditionThreshold or conditionMatchedLog in a condition",
                ));
            };
            return Err(unserved(kind));
        };
        Ok(Self {
            name: text("name"),
            display_name: text("displayName"),
            kind,
            source,
        })
    }
}

impl Threshold {
    fn parse(fields: ThresholdFields) -> Result<Self, rest::Error> {
        if fields
            .denominator_filter
            .is_some_and(|filter| !filter.is_empty())
        {
            return Err(unserved("denominatorFilter"));
        }
        if fields.forecast_options.is_some() {
            return Err(unserved("forecastOptions"));
        }
        if fields.aggregations.len() > 1 {
            return Err(unserved("a second aggregation"));
        }
        let aggregation = fields.aggregations.into_iter().next().unwrap_or_default();
        let period = aggregation.alignment_period.unwrap_or(PERIOD);
        if period < PERIOD_MIN {
            return Err(invalid("alignmentPeriod: expected at least 60s"));
        }
        let filter =
            LogFilter::parse(&fields.filter).map_err(|error| invalid(error.to_string()))?;
        for path in [["metric", "type"], ["resource", "type"]] {
            if !filter.names(&path) {
                let message = format!(
                    "the filter `{}` must name a {}",
                    fields.filter,
                    path.join(".")
                );
                return Err(invalid(message));
            }
        }
        let groups = aggregation.group_by_fields.iter();
        let trigger = fields.trigger.unwrap_or_default();
        Ok(Self {
            filter,
            period,
            aligner: aggregation.per_series_aligner.unwrap_or_default(),
            reducer: aggregation
                .cross_series_reducer
                .filter(|reducer| *reducer != Reducer::None),
            group_by: groups
                .map(|field| filter::path(field).map_err(|error| invalid(error.to_string())))
                .collect::<Result<_, _>>()?,
            above: match fields.comparison.as_str() {
                "COMPARISON_GT" => true,
                "COMPARISON_LT" => false,
                other => {
                    return Err(invalid(format!(
                        "comparison: expected COMPARISON_GT or COMPARISON_LT, found `{other}`"
                    )));
                }
            },
            value: fields.threshold_value,
            duration: fields.duration.unwrap_or_default(),
            trigger: match trigger.percent {
                Some(percent) => Trigger::Percent(percent),
                None => Trigger::Count(trigger.count.unwrap_or(1).max(1)),
            },
            missing: fields.evaluation_missing_data,
        })
    }
}

impl MatchedLog {
    fn parse(fields: MatchedLogFields) -> Result<Self, rest::Error> {
        let extractors = fields.label_extractors.into_iter();
        Ok(Self {
            filter: LogFilter::parse(&fields.filter).map_err(|error| invalid(error.to_string()))?,
            labels: extractors
                .map(|(key, text)| Ok((key, Extractor::parse(&text)?)))
                .collect::<Result<_, rest::Error>>()?,
        })
    }
}

fn unserved(what: &str) -> rest::Error {
    rest::Error::new(
        "UNIMPLEMENTED",
        format!("the emulator does not serve {what}"),
    )
}
