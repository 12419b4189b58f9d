//! The state of alert policies, and the notifications that become due over time.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{
    evaluate::{SeriesStates, evaluate},
    incident::Incident,
    policy::{AlertPolicy, ConditionKind},
    series::{AllSeries, SeriesKey},
};

/// From an entry or a point to the notification that it causes: one to three minutes in the cloud,
/// of which this is the minimum.
pub(super) const LATENCY: TimeDelta = TimeDelta::seconds(60);

/// How often conditions are evaluated, in simulated time.
const STEP: TimeDelta = TimeDelta::seconds(30);

/// Evaluations made up for at once: two hours, after a laptop was suspended.
const STEPS_MAX: i32 = 240;

/// Matches of one policy that are not notified yet; more would be rate-limited anyway.
const WAITING_MAX: usize = 1_000;

/// The state of every policy.
#[derive(Debug)]
pub(super) struct Alerting {
    watched: BTreeMap<String, WatchedPolicy>,
    evaluated: DateTime<Utc>,
}

/// One policy and its state.
#[derive(Debug)]
struct WatchedPolicy {
    policy: AlertPolicy,
    states: SeriesStates,
    waiting: VecDeque<Match>,
    /// Open incidents of matched logs: when each was opened, and its last match.
    matched: BTreeMap<SeriesKey, (DateTime<Utc>, DateTime<Utc>)>,
    last_notified: Option<DateTime<Utc>>,
}

/// A log entry that matched.
#[derive(Debug)]
struct Match {
    key: SeriesKey,
    at: DateTime<Utc>,
}

/// A notification, and the names of the channels that receive it.
#[derive(Debug)]
pub(super) struct AlertNotification {
    pub(super) channels: Vec<String>,
    pub(super) payload: Value,
}

impl Alerting {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            watched: BTreeMap::new(),
            evaluated: now - LATENCY,
        }
    }

    /// Starts to evaluate `policy`; a policy that was changed loses its state.
    pub(super) fn watch(&mut self, policy: AlertPolicy) {
        let name = policy.name.clone();
        let watched = WatchedPolicy {
            policy,
            states: SeriesStates::new(),
            waiting: VecDeque::new(),
            matched: BTreeMap::new(),
            last_notified: None,
        };
        self.watched.insert(name, watched);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.watched.remove(name);
    }

    /// Matches a log entry against the policies on logs.
    pub(super) fn observe(&mut self, entry: &Value, now: DateTime<Utc>) {
        for watched in self
            .watched
            .values_mut()
            .filter(|watched| watched.policy.enabled)
        {
            watched.observe(entry, now);
        }
    }

    /// The notifications that are due by `now`.
    pub(super) fn advance(
        &mut self,
        all: &AllSeries,
        now: DateTime<Utc>,
    ) -> Vec<AlertNotification> {
        let known = now - LATENCY;
        self.evaluated = self.evaluated.max(known - STEP * STEPS_MAX);
        let mut notifications = Vec::new();
        while self.evaluated + STEP <= known {
            self.evaluated += STEP;
            for watched in self
                .watched
                .values_mut()
                .filter(|watched| watched.policy.enabled)
            {
                watched.evaluate(all, self.evaluated, &mut notifications);
            }
        }
        for watched in self.watched.values_mut() {
            watched.notify_matches(known, &mut notifications);
        }
        notifications
    }
}

impl WatchedPolicy {
    fn observe(&mut self, entry: &Value, now: DateTime<Utc>) {
        for condition in &self.policy.conditions {
            let ConditionKind::MatchedLog(matched) = &condition.kind else {
                continue;
            };
            if !matched.filter.matches(entry) || self.waiting.len() >= WAITING_MAX {
                continue;
            }
            let labels = matched.labels.iter();
            let labels = labels.filter_map(|(key, extractor)| {
                let text = extractor.text(entry)?;
                Some((key.clone(), text))
            });
            let resource = entry.get("resource").unwrap_or(&Value::Null);
            let key = SeriesKey::new("", labels.collect(), resource);
            self.waiting.push_back(Match { key, at: now });
        }
    }

    fn evaluate(
        &mut self,
        all: &AllSeries,
        at: DateTime<Utc>,
        notifications: &mut Vec<AlertNotification>,
    ) {
        for transition in evaluate(&self.policy, all, &mut self.states, at) {
            let Some(condition) = self.policy.conditions.get(transition.condition) else {
                continue;
            };
            if transition.ended.is_some() && !self.policy.notifies_closed {
                continue;
            }
            let incident = Incident {
                policy: &self.policy,
                condition,
                key: &transition.key,
                started: transition.started,
                ended: transition.ended,
                observed: Some(transition.observed),
            };
            notifications.push(self.policy.notification(&incident));
        }
    }

    /// Opens and closes incidents for the matches up to `known`, at most one per rate-limit period.
    fn notify_matches(&mut self, known: DateTime<Utc>, notifications: &mut Vec<AlertNotification>) {
        let auto_close = self.policy.auto_close;
        while let Some(matched) = self.waiting.pop_front_if(|matched| matched.at <= known) {
            let Match { key, at } = matched;
            self.matched.retain(|_, (_, last)| at - *last < auto_close);
            let (started, last) = self.matched.entry(key.clone()).or_insert((at, at));
            *last = at;
            let limit = self.policy.rate_limit.unwrap_or_default();
            if self.last_notified.is_some_and(|last| at - last < limit) {
                continue;
            }
            self.last_notified = Some(at);
            let Some(condition) = self.policy.conditions.first() else {
                continue;
            };
            let incident = Incident {
                policy: &self.policy,
                condition,
                key: &key,
                started: *started,
                ended: None,
                observed: None,
            };
            notifications.push(self.policy.notification(&incident));
        }
    }
}

impl AlertPolicy {
    fn notification(&self, incident: &Incident<'_>) -> AlertNotification {
        AlertNotification {
            channels: self.channels.clone(),
            payload: incident.payload(),
        }
    }
}
