//! All that monitoring holds, and the calls that change it.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    alerting::{Alerting, Notification},
    entry::Write,
    filter::Filter,
    metric::LogMetric,
    policy::Policy,
    series::{AllSeries, Point, Written},
};
use crate::{
    catalog::{Catalog, patched},
    db::{self, Db},
    grpc::Request,
    rest::{self, invalid},
};

/// Log entries kept for `entries:list`; the oldest go first.
const ENTRIES_MAX: usize = 10_000;

/// Entries on a page of `entries:list` unless another number is asked for, and at most.
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
            if let Ok(policy) = Policy::parse(policy) {
                state.alerting.watch(policy);
            }
        }
        Ok(state)
    }

    pub(super) fn write_entries(
        &mut self,
        write: Write,
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
            self.alerting.saw(&entry, now);
            self.entries.push_back(entry);
            if self.entries.len() > ENTRIES_MAX {
                self.entries.pop_front();
            }
        }
        Ok(json!({}))
    }

    pub(super) fn list_entries(&self, list: &List) -> Result<Value, rest::Error> {
        let filter = Filter::parse(&list.filter).map_err(|fault| invalid(fault.to_string()))?;
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
        written: &[Written],
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        for series in written {
            self.series.write(series, now)?;
        }
        Ok(json!({}))
    }

    /// Log-based metrics: `projects/P/metrics`, each called by the name that its maker gave.
    pub(super) fn metrics(
        &mut self,
        project: &str,
        id: &str,
        request: &Request,
        mut body: Value,
    ) -> Result<Value, rest::Error> {
        let parent = format!("projects/{project}/metrics");
        let name = format!("{parent}/{id}");
        let method = request.method();
        match *method {
            Method::GET if id.is_empty() => {
                return self.metrics.page(&parent, "metrics", &rest::query(request));
            }
            Method::GET => return self.metrics.get(&name).cloned(),
            Method::DELETE => {
                self.metrics.remove(&name)?;
                self.log_metrics.remove(&name);
                return Ok(json!({}));
            }
            Method::POST | Method::PUT => {}
            _ => return Err(rest::Error::unimplemented(method, request.uri().path())),
        }
        let metric = LogMetric::parse(&body)?;
        let given = text(&body, "name");
        let name = format!("{parent}/{given}");
        if *method == Method::POST && self.metrics.contains(&name) {
            let message = format!("the metric `{given}` exists");
            return Err(rest::Error::new("ALREADY_EXISTS", message));
        }
        if let Some(descriptor) = body
            .get_mut("metricDescriptor")
            .and_then(Value::as_object_mut)
        {
            let kind = format!("logging.googleapis.com/user/{given}");
            descriptor.insert("type".to_owned(), kind.into());
        }
        self.metrics.put(&name, body.clone())?;
        self.log_metrics.insert(name, metric);
        Ok(body)
    }

    /// Alert policies: `projects/P/alertPolicies`.
    pub(super) fn policies(
        &mut self,
        project: &str,
        id: &str,
        request: &Request,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        let parent = format!("projects/{project}/alertPolicies");
        let name = format!("{parent}/{id}");
        let mut policy = match *request.method() {
            Method::GET if id.is_empty() => {
                let query = rest::query(request);
                return self.policies.page(&parent, "alertPolicies", &query);
            }
            Method::GET => return self.policies.get(&name).cloned(),
            Method::DELETE => {
                self.policies.remove(&name)?;
                self.alerting.forget(&name);
                return Ok(json!({}));
            }
            Method::POST if id.is_empty() => named(&self.policies, &parent, body, now)?,
            Method::PATCH => patched(self.policies.get(&name)?, body, request)?,
            ref method => return Err(rest::Error::unimplemented(method, request.uri().path())),
        };
        let name = text(&policy, "name");
        let conditions = policy.get_mut("conditions").and_then(Value::as_array_mut);
        for (place, condition) in conditions.into_iter().flatten().enumerate() {
            if let Some(condition) = condition.as_object_mut() {
                condition
                    .entry("name")
                    .or_insert_with(|| json!(format!("{name}/conditions/{}", place + 1)));
            }
        }
        let parsed = Policy::parse(&policy)?;
        for channel in &parsed.channels {
            self.channels.get(channel)?;
        }
        self.policies.put(&name, policy.clone())?;
        self.alerting.watch(parsed);
        Ok(policy)
    }

    /// Notification channels: `projects/P/notificationChannels`.
    pub(super) fn channels(
        &mut self,
        project: &str,
        id: &str,
        request: &Request,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<Value, rest::Error> {
        let parent = format!("projects/{project}/notificationChannels");
        let name = format!("{parent}/{id}");
        let query = rest::query(request);
        let channel = match *request.method() {
            Method::GET if id.is_empty() => {
                return self.channels.page(&parent, "notificationChannels", &query);
            }
            Method::GET => return self.channels.get(&name).cloned(),
            Method::DELETE => {
                let forced = query
                    .iter()
                    .any(|(key, value)| key == "force" && value == "true");
                if !forced && self.is_used(&name) {
                    let message =
                        format!("a policy tells `{name}`; `force=true` deletes it anyway");
                    return Err(rest::Error::new("FAILED_PRECONDITION", message));
                }
                self.channels.remove(&name)?;
                return Ok(json!({}));
            }
            Method::POST if id.is_empty() => named(&self.channels, &parent, body, now)?,
            Method::PATCH => patched(self.channels.get(&name)?, body, request)?,
            ref method => return Err(rest::Error::unimplemented(method, request.uri().path())),
        };
        let kind = text(&channel, "type");
        if kind != "pubsub" {
            let message = format!("the emulator does not serve channels of type `{kind}`");
            return Err(rest::Error::new("UNIMPLEMENTED", message));
        }
        if topic(&channel).is_none() {
            return Err(invalid("labels.topic is `projects/P/topics/T`"));
        }
        self.channels
            .put(&text(&channel, "name"), channel.clone())?;
        Ok(channel)
    }

    fn is_used(&self, channel: &str) -> bool {
        self.policies.iter().any(|(_, policy)| {
            let channels = policy.get("notificationChannels").and_then(Value::as_array);
            channels.into_iter().flatten().any(|name| name == channel)
        })
    }

    /// What is to be published by `now`: topics and messages.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> Vec<(String, Vec<u8>)> {
        let mut messages = Vec::new();
        for Notification { channels, payload } in self.alerting.advance(&self.series, now) {
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

/// A new resource, under an id that the service gives.
fn named(
    catalog: &Catalog,
    parent: &str,
    body: &Value,
    now: DateTime<Utc>,
) -> Result<Value, rest::Error> {
    let Some(fields) = body.as_object() else {
        return Err(invalid("the body is no object"));
    };
    let mut id = now.timestamp_micros();
    while catalog.contains(&format!("{parent}/{id}")) {
        id += 1;
    }
    let mut fields = fields.clone();
    fields.insert("name".to_owned(), format!("{parent}/{id}").into());
    fields.entry("enabled").or_insert(true.into());
    fields.insert("creationRecord".to_owned(), json!({ "mutateTime": now }));
    Ok(Value::Object(fields))
}

fn text(resource: &Value, field: &str) -> String {
    let text = resource.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
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
