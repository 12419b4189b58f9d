//! A job: a schedule, a topic and a message.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cron::Cron;
use crate::rest::{self, invalid};

/// A job, parsed.
#[derive(Debug, Clone)]
pub(super) struct ScheduledJob {
    pub(super) paused: bool,
    pub(super) message: JobMessage,
    cron: Cron,
    next: Option<DateTime<Utc>>,
    last_attempt: Option<DateTime<Utc>>,
}

/// The message that a job publishes.
#[derive(Debug, Clone)]
pub(super) struct JobMessage {
    pub(super) topic: String,
    pub(super) data: Vec<u8>,
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobFields {
    schedule: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    state: String,
    pubsub_target: Option<PubsubTarget>,
    http_target: Option<Value>,
    app_engine_http_target: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PubsubTarget {
    topic_name: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl ScheduledJob {
    /// Parses a job's JSON resource.
    pub(super) fn parse(resource: &Value, now: DateTime<Utc>) -> Result<Self, rest::Error> {
        let wire = JobFields::deserialize(resource).map_err(|error| invalid(error.to_string()))?;
        if !["", "UTC", "Etc/UTC"].contains(&wire.time_zone.as_str()) {
            return Err(unserved(&format!("the time zone `{}`", wire.time_zone)));
        }
        if wire.http_target.is_some() {
            return Err(unserved("httpTarget"));
        }
        if wire.app_engine_http_target.is_some() {
            return Err(unserved("appEngineHttpTarget"));
        }
        let target = wire
            .pubsub_target
            .ok_or_else(|| invalid("pubsubTarget is missing"))?;
        let topic: Vec<&str> = target.topic_name.split('/').collect();
        if !matches!(topic.as_slice(), ["projects", _, "topics", _]) {
            let message = format!("topicName `{}`: projects/P/topics/T", target.topic_name);
            return Err(invalid(message));
        }
        let data = STANDARD.decode(&target.data);
        let data = data.map_err(|error| invalid(format!("pubsubTarget.data: {error}")))?;
        if data.is_empty() && target.attributes.is_empty() {
            return Err(invalid("pubsubTarget: expected data or attributes"));
        }
        let cron: Cron = wire
            .schedule
            .parse()
            .map_err(|error: super::cron::CronError| invalid(error.to_string()))?;
        Ok(Self {
            paused: wire.state == "PAUSED",
            message: JobMessage {
                topic: target.topic_name,
                data,
                attributes: target.attributes,
            },
            cron,
            next: cron.next(now),
            last_attempt: None,
        })
    }

    /// When the job is due next; `None` while it is paused.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.next.filter(|_| !self.paused)
    }

    /// Records an attempt at `now`; it stands for every tick that was due by then.
    pub(super) fn attempted(&mut self, now: DateTime<Utc>) {
        self.last_attempt = Some(now);
        self.next = self.cron.next(now);
    }

    /// Schedules from `now` again, as after a pause.
    pub(super) fn resume(&mut self, now: DateTime<Utc>) {
        self.paused = false;
        self.next = self.cron.next(now);
    }

    /// `resource` with the output-only fields: state and times.
    pub(super) fn to_json(&self, resource: &Value) -> Value {
        let mut to_json = resource.clone();
        if let Some(fields) = to_json.as_object_mut() {
            let state = if self.paused { "PAUSED" } else { "ENABLED" };
            fields.insert("state".to_owned(), state.into());
            let times = [
                ("scheduleTime", self.due()),
                ("lastAttemptTime", self.last_attempt),
            ];
            for (field, time) in times {
                if let Some(time) = time {
                    fields.insert(field.to_owned(), json!(time));
                }
            }
        }
        to_json
    }
}

fn unserved(what: &str) -> rest::Error {
    rest::Error::new(
        "UNIMPLEMENTED",
        format!("the emulator does not serve {what}"),
    )
}
