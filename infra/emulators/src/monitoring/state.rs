//! All state of Logging and Monitoring, and the calls that change it.

mod resources;
mod series;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    alerting::{AlertNotification, Alerting},
    entry::WriteEntries,
    filter::LogFilter,
    metric::LogMetric,
    policy::AlertPolicy,
    series::{AllSeries, Point, WrittenPoints},
};
use crate::{
    catalog::Catalog,
    db::{self, Db},
    rest::{self, invalid},
};

/// Log entries kept for `entries:list`; the oldest are dropped first.
const ENTRIES_MAX: usize = 10_000;

/// Entries on a page of `entries:list`: the default and the maximum.
const PAGE: (usize, usize) = (50, 1_000);

#[derive(Debug)]
pub(super) struct State {
    metrics: Catalog,
    policies: Catalog,
    channels: Catalog,
    log_metrics: BTreeMap<String, LogMetric>,
    alerting: Alerting,
    series: AllSeries,
    entries: VecDeque<Value>,
}

/// The body of `entries:list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct List {
    resource_names: Vec<String>,
    filter: String,
    order_by: String,
    page_size: usize,
    page_token: String,
}

impl Default for List {
    fn default() -> Self {
        Self {
            resource_names: Vec::new(),
            filter: String::new(),
            order_by: String::new(),
            page_size: PAGE.0,
            page_token: String::new(),
        }
    }
}

impl State {
    pub(super) fn open(db: &Db, now: DateTime<Utc>) -> Result<Self, db::Error> {
        let mut state = Self {
            metrics: Catalog::open(db, "monitoring-metrics")?,
            policies: Catalog::open(db, "monitoring-policies")?,
            channels: Catalog::open(db, "monitoring-channels")?,
            log_metrics: BTreeMap::new(),
            alerting: Alerting::new(now),
            series: AllSeries::default(),
            entries: VecDeque::new(),
        };
        for (name, metric) in state.metrics.iter() {
            if let Ok(metric) = LogMetric::parse(metric) {
                state.log_metrics.insert(name.clone(), metric);
            }
        }
        for (_, policy) in state.policies.iter() {
            if let Ok(policy) = AlertPolicy::parse(policy) {
                state.alerting.watch(policy);
            }
        }
        Ok(state)
    }

    pub(super) fn write_entries(
        &mut self,
        write: WriteEntries,
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        let dry_run = write.dry_run;
        let entries = write.entries(now)?;
        if dry_run {
            return Ok(json!({}));
        }
        for entry in entries {
            for metric in self.log_metrics.values() {
                if let Some((key, value)) = metric.sample(&entry) {
                    self.series.add(key, Point { at: now, value });
                }
            }
            self.alerting.observe(&entry, now);
            self.entries.push_back(entry);
            if self.entries.len() > ENTRIES_MAX {
                self.entries.pop_front();
            }
        }
        Ok(json!({}))
    }

    pub(super) fn list_entries(&self, list: &List) -> Result<Value, rest::Error> {
        let filter = LogFilter::parse(&list.filter).map_err(|error| invalid(error.to_string()))?;
        let of_asked = |entry: &&Value| {
            let log = entry
                .get("logName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let mut names = list.resource_names.iter();
            names.any(|name| log.starts_with(&format!("{name}/")))
        };
        let mut found: Vec<&Value> = self
            .entries
            .iter()
            .filter(of_asked)
            .filter(|entry| filter.matches(entry))
            .collect();
        let time = |entry: &&Value| {
            let time = entry.get("timestamp").and_then(Value::as_str);
            time.and_then(|time| DateTime::parse_from_rfc3339(time).ok())
        };
        found.sort_by_key(time);
        match list.order_by.as_str() {
            "" | "timestamp asc" => {}
            "timestamp desc" => found.reverse(),
            other => return Err(invalid(format!("orderBy `{other}`"))),
        }
        let start = match list.page_token.as_str() {
            "" => 0,
            token => token
                .parse()
                .map_err(|error| invalid(format!("pageToken: {error}")))?,
        };
        let end = start + list.page_size.clamp(1, PAGE.1);
        let page: Vec<&Value> = found
            .iter()
            .skip(start)
            .take(end - start)
            .copied()
            .collect();
        let mut answer = Map::new();
        answer.insert("entries".to_owned(), json!(page));
        if end < found.len() {
            answer.insert("nextPageToken".to_owned(), json!(end.to_string()));
        }
        Ok(Value::Object(answer))
    }

    pub(super) fn write_series(
        &mut self,
        written: &[WrittenPoints],
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        for series in written {
            self.series.write(series, now)?;
        }
        Ok(json!({}))
    }

    /// The messages that are due by `now`, with their topics.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> Vec<(String, Vec<u8>)> {
        let mut messages = Vec::new();
        for AlertNotification { channels, payload } in self.alerting.advance(&self.series, now) {
            for channel in channels {
                let channel = self.channels.get(&channel).ok();
                let enabled = |channel: &&Value| channel.get("enabled") != Some(&json!(false));
                if let Some(topic) = channel.filter(enabled).and_then(topic) {
                    messages.push((topic.to_owned(), payload.to_string().into_bytes()));
                }
            }
        }
        messages
    }
}

/// The topic of a channel.
fn topic(channel: &Value) -> Option<&str> {
    let topic = channel.pointer("/labels/topic")?.as_str()?;
    matches!(
        topic.split('/').collect::<Vec<_>>().as_slice(),
        ["projects", _, "topics", _]
    )
    .then_some(topic)
}
