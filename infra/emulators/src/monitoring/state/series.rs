//! Calls on time series: the list, and the control API by which a test adds points.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::State;
use crate::{
    monitoring::{
        filter::LogFilter,
        series::{Point, WrittenPoints},
    },
    rest::{self, invalid},
};

impl State {
    /// `timeSeries.list`: raw points of the matching series, newest first, on one page.
    pub(in crate::monitoring) fn list_series(
        &self,
        query: &[(String, String)],
    ) -> Result<Value, rest::Error> {
        let param = |name: &str| {
            let pair = query.iter().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str())
        };
        let unserved = |(key, _): &&(String, String)| {
            key.starts_with("aggregation") || key.starts_with("secondary") || key == "pageToken"
        };
        if let Some((key, _)) = query.iter().find(unserved) {
            let message = format!("the emulator does not serve `{key}` of timeSeries.list");
            return Err(rest::Error::new("UNIMPLEMENTED", message));
        }
        let filter = param("filter").ok_or_else(|| invalid("filter is missing"))?;
        let filter = LogFilter::parse(filter).map_err(|error| invalid(error.to_string()))?;
        let end = time(param("interval.endTime"))?.ok_or_else(|| invalid("interval.endTime"))?;
        let start = time(param("interval.startTime"))?.unwrap_or(end);
        let inside = |point: &&Point| start <= point.at && point.at <= end;
        let mut listed = Vec::new();
        for (key, points) in self.series.iter() {
            let mut series = key.to_value();
            let points: Vec<Value> = points.iter().rev().filter(inside).map(to_json).collect();
            if points.is_empty() || !filter.matches(&series) {
                continue;
            }
            if let Some(fields) = series.as_object_mut() {
                fields.insert("metricKind".to_owned(), "DELTA".into());
                fields.insert("valueType".to_owned(), "DOUBLE".into());
                fields.insert("points".to_owned(), points.into());
            }
            listed.push(series);
        }
        Ok(json!({ "timeSeries": listed }))
    }

    /// `/emulator/monitoring/points`: points as Google's services measure them.
    pub(in crate::monitoring) fn put_points(
        &mut self,
        measured: Vec<WrittenPoints>,
    ) -> Result<Value, rest::Error> {
        for series in measured {
            self.series.measure(series)?;
        }
        Ok(json!({}))
    }
}

fn to_json(point: &Point) -> Value {
    json!({
        "interval": { "startTime": point.at, "endTime": point.at },
        "value": { "doubleValue": point.value },
    })
}

fn time(text: Option<&str>) -> Result<Option<DateTime<Utc>>, rest::Error> {
    let parsed = text.map(DateTime::parse_from_rfc3339).transpose();
    let parsed = parsed.map_err(|error| invalid(format!("interval: {error}")))?;
    Ok(parsed.map(|time| time.to_utc()))
}
