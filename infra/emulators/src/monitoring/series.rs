//! Time series: the points of metrics, in order of arrival.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rest::{self, invalid};

/// Series kept: a label with a value per request would fill memory here, as it would cost money in
/// the cloud.
const SERIES_MAX: usize = 10_000;

/// Points kept of one series.
const POINTS_MAX: usize = 2_000;

/// How old a point may be when it is written; the service's own limit.
const AGE_MAX: TimeDelta = TimeDelta::hours(25);

/// The minimum time between two points of one series; the service's own limit.
const SPACING_MIN: TimeDelta = TimeDelta::seconds(5);

/// The identity of a series: a metric, a resource, and the labels of both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub(super) metric_type: String,
    pub(super) metric_labels: BTreeMap<String, String>,
    pub(super) resource_type: String,
    pub(super) resource_labels: BTreeMap<String, String>,
}

impl SeriesKey {
    pub(super) fn new(
        metric_type: &str,
        metric_labels: BTreeMap<String, String>,
        resource: &Value,
    ) -> Self {
        let kind = resource.get("type").and_then(Value::as_str);
        let labels = resource.get("labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        Self {
            metric_type: metric_type.to_owned(),
            metric_labels,
            resource_type: kind.unwrap_or("global").to_owned(),
            resource_labels: labels.filter_map(text).collect(),
        }
    }

    /// The form that filters match.
    pub(super) fn to_value(&self) -> Value {
        json!({
            "metric": { "type": self.metric_type, "labels": self.metric_labels },
            "resource": { "type": self.resource_type, "labels": self.resource_labels },
        })
    }
}

/// A value and when it arrived; the time that a client gives decides the order only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) at: DateTime<Utc>,
    pub(super) value: f64,
}

/// Every series that has points.
#[derive(Debug, Default)]
pub(super) struct AllSeries {
    series: BTreeMap<SeriesKey, VecDeque<Point>>,
    /// The end times of the last points that clients wrote.
    ends: BTreeMap<SeriesKey, DateTime<Utc>>,
}

/// An element of `timeSeries` in `CreateTimeSeries`.
#[derive(Debug, Deserialize)]
pub(super) struct WrittenPoints {
    metric: Metric,
    #[serde(default)]
    resource: Value,
    points: Vec<WrittenPoint>,
}

#[derive(Debug, Deserialize)]
struct Metric {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct WrittenPoint {
    interval: PointInterval,
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PointInterval {
    end_time: DateTime<Utc>,
}

impl AllSeries {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SeriesKey, &VecDeque<Point>)> {
        self.series.iter()
    }

    /// Adds a point; beyond the maximum of series it is dropped with a warning.
    pub(super) fn add(&mut self, key: SeriesKey, point: Point) {
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            tracing::warn!(
                metric = key.metric_type,
                "too many series: a point was dropped"
            );
            return;
        }
        let points = self.series.entry(key).or_default();
        points.push_back(point);
        let expired = |first: &Point| point.at - first.at > AGE_MAX;
        while points.len() > POINTS_MAX || points.front().is_some_and(expired) {
            points.pop_front();
        }
    }

    /// Adds a point that a client wrote, subject to the service's limits.
    pub(super) fn write(
        &mut self,
        written: &WrittenPoints,
        now: DateTime<Utc>,
    ) -> Result<(), rest::Error> {
        let kind = &written.metric.kind;
        let own = ["custom.googleapis.com/", "external.googleapis.com/"];
        if !own.iter().any(|prefix| kind.starts_with(prefix)) {
            return Err(invalid(format!("clients cannot write points of `{kind}`")));
        }
        let [point] = written.points.as_slice() else {
            return Err(invalid(format!(
                "expected one point per series in a call, found several of `{kind}`"
            )));
        };
        let value = number(&point.value)?;
        let end = point.interval.end_time;
        if now - end > AGE_MAX || end - now > TimeDelta::minutes(5) {
            return Err(invalid(format!(
                "the point of `{kind}` is too old or in the future"
            )));
        }
        let key = SeriesKey::new(kind, written.metric.labels.clone(), &written.resource);
        if self
            .ends
            .get(&key)
            .is_some_and(|last| end - *last < SPACING_MIN)
        {
            let message =
                format!("the point of `{kind}` is less than 5 s after the last of its series");
            return Err(invalid(message));
        }
        self.ends.insert(key.clone(), end);
        self.add(key, Point { at: now, value });
        Ok(())
    }

    /// Adds points of any metric, in place of the Google service that measures it.
    pub(super) fn measure(&mut self, measured: WrittenPoints) -> Result<(), rest::Error> {
        let Metric { kind, labels } = measured.metric;
        let key = SeriesKey::new(&kind, labels, &measured.resource);
        for point in measured.points {
            let value = number(&point.value)?;
            let at = point.interval.end_time;
            self.add(key.clone(), Point { at, value });
        }
        Ok(())
    }
}

fn number(value: &Value) -> Result<f64, rest::Error> {
    let wrong = || invalid("a point's value: expected doubleValue, int64Value or boolValue");
    let (kind, value) = value
        .as_object()
        .and_then(|fields| fields.iter().next())
        .ok_or_else(wrong)?;
    match (kind.as_str(), value) {
        ("doubleValue" | "int64Value", Value::Number(number)) => number.as_f64(),
        ("int64Value", Value::String(text)) => text.parse().ok(),
        ("boolValue", Value::Bool(truth)) => Some(f64::from(u8::from(*truth))),
        _ => None,
    }
    .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_points_are_subject_to_the_services_limits() {
        let now = crate::clock::Clock::starting_now(1.0).now();
        let mut all = AllSeries::default();
        let mut check = |kind: &str, seconds: i64, value: Value, expected: bool| {
            let written = json!({
                "metric": { "type": kind, "labels": { "run_id": "r" } },
                "points": [{ "interval": { "endTime": now + TimeDelta::seconds(seconds) }, "value": value }],
            });
            let written = serde_json::from_value(written).unwrap();
            let result = all.write(&written, now);
            assert_eq!(
                result.is_ok(),
                expected,
                "{kind} {seconds} {value}: {result:?}"
            );
        };
        let custom = "custom.googleapis.com/loss";
        check(custom, -60, json!({ "doubleValue": 0.5 }), true);
        check(custom, -57, json!({ "doubleValue": 0.5 }), false); // too soon
        check(custom, -70, json!({ "doubleValue": 0.5 }), false); // out of order
        check(custom, -50, json!({ "int64Value": "3" }), true);
        check(custom, 1000, json!({ "doubleValue": 0.5 }), false);
        check(custom, -40, json!({ "stringValue": "x" }), false);
        check(
            "logging.googleapis.com/user/x",
            0,
            json!({ "doubleValue": 1 }),
            false,
        );
    }
}
