//! `infra/topology.json`: every topic and its hearers, every bucket, every alert.
//!
//! The same file makes the cloud's resources and the laptop's; strict, since a field that
//! nobody reads is a resource that nobody makes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The file, compiled in: the binary needs no checkout.
const TEXT: &str = include_str!("../../topology.json");

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Buckets by content; the real name has the project before it.
    pub buckets: BTreeMap<String, Bucket>,
    /// Topics, and the functions that hear each.
    pub topics: BTreeMap<String, Vec<String>>,
    /// Where deliveries go that fail for good.
    pub dead_letters: DeadLetters,
    /// How pushes are sent.
    pub delivery: DeliveryRules,
    /// The functions.
    pub functions: BTreeMap<String, Function>,
    /// The jobs, each of a function's program.
    pub jobs: BTreeMap<String, Job>,
    /// What happens on a timetable.
    pub schedules: BTreeMap<String, Schedule>,
    /// Metrics counted from log lines.
    pub metrics: BTreeMap<String, Metric>,
    /// Alert policies.
    pub alerts: BTreeMap<String, Alert>,
}

/// A bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Whether old generations are kept.
    pub versioned: bool,
    /// The topic that hears of finished uploads.
    #[serde(default)]
    pub notify: Option<String>,
}

/// The dead letters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetters {
    /// Their topic.
    pub topic: String,
    /// The subscription that keeps them.
    pub subscription: String,
    /// Deliveries of a message before it goes there.
    pub attempts_max: u32,
}

/// How pushes are sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryRules {
    /// Seconds a function has for an answer.
    pub ack_deadline_s: u32,
    /// Seconds before the second delivery.
    pub backoff_min_s: u32,
    /// Seconds between deliveries at most.
    pub backoff_max_s: u32,
}

/// A function.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The path that each topic it hears is pushed to.
    pub path_by_topic: BTreeMap<String, String>,
}

/// A Cloud Run job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The function that starts it, and whose program its tasks run; its settings are theirs.
    pub function: String,
    /// Times that a task is tried again.
    pub retries_max: u32,
    /// Seconds that one attempt may take.
    pub timeout_s: u32,
}

impl Job {
    /// The setting that names the job to its function: `CLEAN_JOB`.
    pub fn variable(&self) -> String {
        format!("{}_JOB", self.function.to_uppercase().replace('-', "_"))
    }
}

/// The setting that names the bucket of `content`: `UPLOADS_BUCKET`.
pub fn bucket_variable(content: &str) -> String {
    format!("{}_BUCKET", content.to_uppercase())
}

/// Something that happens on a timetable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The topic that hears of it.
    pub topic: String,
    /// When, as cron writes it, in UTC.
    pub cron: String,
}

/// A metric counted from log lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// For people.
    pub description: String,
    /// Which lines count, in the Logging query language.
    pub filter: String,
    /// Labels and how they are extracted.
    pub labels: BTreeMap<String, String>,
}

/// An alert policy on a metric.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The metric.
    pub metric: String,
    /// The value above which it fires.
    pub above: f64,
    /// Seconds for which it must hold.
    pub duration_s: u32,
    /// Labels that make an incident of their own.
    pub group_by: Vec<String>,
    /// The topic that hears of incidents.
    pub topic: String,
    /// Seconds after which a silent incident closes.
    pub auto_close_s: u32,
    /// For the people who read the incident.
    pub documentation: String,
}

impl Topology {
    /// The topology that this build carries.
    pub fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(TEXT)
    }

    /// The settings that name a resource: they are derived, not chosen.
    pub fn resource_variables(&self) -> BTreeSet<String> {
        let buckets = self.buckets.keys().map(|content| bucket_variable(content));
        buckets
            .chain(self.jobs.values().map(Job::variable))
            .collect()
    }

    /// Every subscription as `(name, topic, function, path)`; the name is `<hearer>-on-<topic>`.
    pub fn subscriptions(&self) -> impl Iterator<Item = (String, &str, &str, &str)> {
        self.topics.iter().flat_map(move |(topic, hearers)| {
            hearers.iter().filter_map(move |hearer| {
                let path = self.functions.get(hearer)?.path_by_topic.get(topic)?;
                Some((
                    format!("{hearer}-on-{topic}"),
                    topic.as_str(),
                    hearer.as_str(),
                    path.as_str(),
                ))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hearer_has_a_path_and_every_name_exists() {
        let topology = Topology::load().unwrap();
        let heard: usize = topology.topics.values().map(Vec::len).sum();
        assert_eq!(topology.subscriptions().count(), heard);
        for (name, function) in &topology.functions {
            for topic in function.path_by_topic.keys() {
                assert!(topology.topics[topic].contains(name), "{name} on {topic}");
            }
        }
        for alert in topology.alerts.values() {
            assert!(topology.topics.contains_key(&alert.topic));
            let metric = &topology.metrics[&alert.metric];
            for label in &alert.group_by {
                assert!(metric.labels.contains_key(label), "{label}");
            }
        }
        for job in topology.jobs.values() {
            assert!(topology.functions.contains_key(&job.function));
        }
        for schedule in topology.schedules.values() {
            assert!(topology.topics.contains_key(&schedule.topic));
        }
        for topic in topology
            .buckets
            .values()
            .filter_map(|it| it.notify.as_ref())
        {
            assert!(topology.topics.contains_key(topic));
        }
    }
}
