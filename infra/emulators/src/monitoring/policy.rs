//! Alert policies: their conditions, and the channels they notify.

mod wire;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::Value;

use super::{
    align::{Aligner, Reducer},
    filter::{self, Filter},
    metric::Extractor,
};
use crate::rest::{self, invalid};

use self::wire::{Prompt, WireMatchedLog, WirePolicy, WireThreshold};

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
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) user_labels: BTreeMap<String, String>,
    pub(super) documentation: Option<Documentation>,
    pub(super) severity: Option<String>,
    pub(super) enabled: bool,
    pub(super) conditions: Vec<Condition>,
    pub(super) channels: Vec<String>,
    /// Whether the closing of an incident is notified; the opening always is.
    pub(super) tells_closed: bool,
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
    pub(super) kind: Kind,
}

/// What a condition tests.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Threshold(Threshold),
    MatchedLog(MatchedLog),
}

/// Series above or below a threshold.
#[derive(Debug, Clone)]
pub(super) struct Threshold {
    pub(super) filter: Filter,
    pub(super) period: TimeDelta,
    pub(super) aligner: Aligner,
    pub(super) reducer: Option<Reducer>,
    pub(super) group_by: Vec<Vec<String>>,
    pub(super) above: bool,
    pub(super) value: f64,
    pub(super) duration: TimeDelta,
    pub(super) trigger: Trigger,
    pub(super) missing: Missing,
}

/// How many series must violate the threshold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trigger {
    Count(usize),
    Percent(f64),
}

/// How a series without data is treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Missing {
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
    pub(super) filter: Filter,
    pub(super) labels: BTreeMap<String, Extractor>,
}

impl Policy {
    /// Parses a policy's JSON resource, in which names are already assigned.
    pub(super) fn parse(resource: &Value) -> Result<Self, rest::Error> {
        let wire = WirePolicy::deserialize(resource).map_err(|error| invalid(error.to_string()))?;
        if wire.conditions.is_empty() || wire.conditions.len() > CONDITIONS_MAX {
            return Err(invalid("conditions: expected one to six"));
        }
        if wire.conditions.len() > 1 && wire.combiner != "OR" {
            return Err(unserved(&format!(
                "combiner `{}` of several conditions",
                wire.combiner
            )));
        }
        let conditions = wire.conditions.into_iter().map(Condition::parse);
        let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>()?;
        let on_logs = conditions
            .iter()
            .any(|condition| matches!(condition.kind, Kind::MatchedLog(_)));
        let strategy = wire.alert_strategy;
        let rate_limit = strategy
            .notification_rate_limit
            .and_then(|limit| limit.period);
        if on_logs && (conditions.len() > 1 || rate_limit.is_none()) {
            let message =
                "conditionMatchedLog must be the only condition and needs alertStrategy.notificationRateLimit";
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
        let both = prompts.is_empty() || prompts.contains(&Prompt::Closed);
        Ok(Self {
            name: wire.name,
            display_name: wire.display_name,
            user_labels: wire.user_labels,
            documentation: wire.documentation,
            severity: wire.severity,
            enabled: wire.enabled,
            conditions,
            channels: wire.notification_channels,
            tells_closed: both && !on_logs,
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
        let kind = if let Some(wire) = source.get("conditionThreshold") {
            let wire =
                WireThreshold::deserialize(wire).map_err(|error| invalid(error.to_string()))?;
            Kind::Threshold(Threshold::parse(wire)?)
        } else if let Some(wire) = source.get("conditionMatchedLog") {
            let wire =
                WireMatchedLog::deserialize(wire).map_err(|error| invalid(error.to_string()))?;
            Kind::MatchedLog(MatchedLog::parse(wire)?)
        } else {
            let fields = source.as_object().into_iter().flatten();
            let mut kinds = fields.filter(|(field, _)| field.starts_with("condition"));
            let Some((kind, _)) = kinds.next() else {
                return Err(invalid("expected conditionThreshold or conditionMatchedLog in a condition"));
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
    fn parse(wire: WireThreshold) -> Result<Self, rest::Error> {
        if wire
            .denominator_filter
            .is_some_and(|filter| !filter.is_empty())
        {
            return Err(unserved("denominatorFilter"));
        }
        if wire.forecast_options.is_some() {
            return Err(unserved("forecastOptions"));
        }
        if wire.aggregations.len() > 1 {
            return Err(unserved("a second aggregation"));
        }
        let aggregation = wire.aggregations.into_iter().next().unwrap_or_default();
        let period = aggregation.alignment_period.unwrap_or(PERIOD);
        if period < PERIOD_MIN {
            return Err(invalid("alignmentPeriod: expected at least 60s"));
        }
        let filter = Filter::parse(&wire.filter).map_err(|fault| invalid(fault.to_string()))?;
        for path in [["metric", "type"], ["resource", "type"]] {
            if !filter.names(&path) {
                let message = format!("the filter `{}` must name a {}", wire.filter, path.join("."));
                return Err(invalid(message));
            }
        }
        let groups = aggregation.group_by_fields.iter();
        let trigger = wire.trigger.unwrap_or_default();
        Ok(Self {
            filter,
            period,
            aligner: aggregation.per_series_aligner.unwrap_or_default(),
            reducer: aggregation
                .cross_series_reducer
                .filter(|reducer| *reducer != Reducer::None),
            group_by: groups
                .map(|field| filter::path(field).map_err(|fault| invalid(fault.to_string())))
                .collect::<Result<_, _>>()?,
            above: match wire.comparison.as_str() {
                "COMPARISON_GT" => true,
                "COMPARISON_LT" => false,
                other => return Err(invalid(format!("comparison: expected COMPARISON_GT or COMPARISON_LT, found `{other}`"))),
            },
            value: wire.threshold_value,
            duration: wire.duration.unwrap_or_default(),
            trigger: match trigger.percent {
                Some(percent) => Trigger::Percent(percent),
                None => Trigger::Count(trigger.count.unwrap_or(1).max(1)),
            },
            missing: wire.evaluation_missing_data,
        })
    }
}

impl MatchedLog {
    fn parse(wire: WireMatchedLog) -> Result<Self, rest::Error> {
        let extractors = wire.label_extractors.into_iter();
        Ok(Self {
            filter: Filter::parse(&wire.filter).map_err(|fault| invalid(fault.to_string()))?,
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
