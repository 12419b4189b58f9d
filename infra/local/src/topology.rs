//! `infra/topology.json`: every topic and its consumers, every bucket, every alert.
//!
//! Terraform and the laptop create their resources from the same file. Parsing is strict, since an
//! unknown field would be a resource that is never created.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The file, compiled in: the binary needs no checkout.
const TEXT: &str = include_str!("../../topology.json");

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Buckets by content; the name of the project is put before it.
    pub buckets: BTreeMap<String, BucketSpec>,
    /// Topics, and the functions that consume each.
    pub topics: BTreeMap<String, Vec<String>>,
    /// The destination of messages whose deliveries keep failing.
    pub dead_letters: DeadLetters,
    /// How pushes are delivered.
    pub delivery: DeliveryRules,
    /// The functions.
    pub functions: BTreeMap<String, Function>,
    /// The jobs, each of which runs a function's program.
    pub jobs: BTreeMap<String, JobSpec>,
    /// Messages that are published on a schedule.
    pub schedules: BTreeMap<String, Schedule>,
    /// Log-based metrics.
    pub metrics: BTreeMap<String, MetricSpec>,
    /// Alert policies.
    pub alerts: BTreeMap<String, Alert>,
}

/// A bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketSpec {
    /// Whether it keeps old generations of objects.
    pub versioned: bool,
    /// The topic to which it publishes finished uploads.
    #[serde(default)]
    pub notify: Option<String>,
}

/// The dead-letter topic.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetters {
    /// Its name.
    pub topic: String,
    /// The subscription that keeps its messages.
    pub subscription: String,
    /// Attempts to deliver a message before it goes there.
    pub attempts_max: u32,
}

/// How pushes are delivered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryRules {
    /// Seconds that a function has to answer.
    pub ack_deadline_s: u32,
    /// Seconds before the second delivery.
    pub backoff_min_s: u32,
    /// Longest pause between deliveries, in seconds.
    pub backoff_max_s: u32,
}

/// A function.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// The path to which each topic that it consumes is pushed.
    pub path_by_topic: BTreeMap<String, String>,
}

/// A Cloud Run job.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The function that starts it, and whose program and settings its tasks have.
    pub function: String,
    /// Retries of a task.
    pub retries_max: u32,
    /// Seconds that one attempt may take.
    pub timeout_s: u32,
}

impl JobSpec {
    /// The setting that names the job to the function, such as `CLEAN_JOB`.
    pub fn variable(&self) -> String {
        format!("{}_JOB", self.function.to_uppercase().replace('-', "_"))
    }
}

/// The setting with the name of the bucket of `content`, such as `UPLOADS_BUCKET`.
pub fn bucket_variable(content: &str) -> String {
    format!("{}_BUCKET", content.to_uppercase())
}

/// A message that is published on a schedule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The topic.
    pub topic: String,
    /// The times, in cron's format, in UTC.
    pub cron: String,
}

/// A log-based metric.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricSpec {
    /// A description for people.
    pub description: String,
    /// The lines that it counts, in the Logging query language.
    pub filter: String,
    /// Its labels, and how they are extracted.
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
    /// Seconds for which the value must stay above.
    pub duration_s: u32,
    /// Labels whose every value has its own incident.
    pub group_by: Vec<String>,
    /// Seconds that are summed up to one value.
    #[serde(default = "minute")]
    pub period_s: u32,
    /// The topic to which incidents are published; without one, they notify people only.
    #[serde(default)]
    pub topic: Option<String>,
    /// How bad it is, for people.
    #[serde(default)]
    pub severity: Option<String>,
    /// Seconds without data after which an incident closes.
    pub auto_close_s: u32,
    /// For the people who read the incident.
    pub documentation: String,
}

fn minute() -> u32 {
    60
}

impl Topology {
    /// The topology that this build carries.
    pub fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(TEXT)
    }

    /// The settings with the name of a resource, whose values follow from the topology.
    pub fn resource_variables(&self) -> BTreeSet<String> {
        let buckets = self.buckets.keys().map(|content| bucket_variable(content));
        let policy = self.buckets.contains_key("policy");
        buckets
            .chain(policy.then(|| "POLICY_URI".to_owned()))
            .chain(self.jobs.values().map(JobSpec::variable))
            .collect()
    }

    /// Every subscription as `(name, topic, function, path)`; the name is
    /// `<function>-on-<topic>`.
    pub fn subscriptions(&self) -> impl Iterator<Item = (String, &str, &str, &str)> {
        self.topics.iter().flat_map(move |(topic, consumers)| {
            consumers.iter().filter_map(move |function| {
                let path = self.functions.get(function)?.path_by_topic.get(topic)?;
                Some((
                    format!("{function}-on-{topic}"),
                    topic.as_str(),
                    function.as_str(),
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
    fn every_consumer_has_a_path_and_every_name_exists() {
        let topology = Topology::load().unwrap();
        let consumed: usize = topology.topics.values().map(Vec::len).sum();
        assert_eq!(topology.subscriptions().count(), consumed);
        for (name, function) in &topology.functions {
            for topic in function.path_by_topic.keys() {
                assert!(topology.topics[topic].contains(name), "{name} on {topic}");
            }
        }
        for alert in topology.alerts.values() {
            let topic = alert.topic.as_ref();
            assert!(topic.is_none_or(|topic| topology.topics.contains_key(topic)));
            assert_eq!(topic.is_none(), alert.severity.is_some(), "for people");
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
