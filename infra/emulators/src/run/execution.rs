//! An execution of a job, and how many of its tasks have succeeded, failed or been retried.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::job::RunJob;

/// An execution, in its stored form, which is also its JSON resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Execution {
    pub(super) name: String,
    #[serde(rename = "job")]
    job_id: String,
    task_count: u32,
    create_time: DateTime<Utc>,
    start_time: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completion_time: Option<DateTime<Utc>>,
    #[serde(rename = "runningCount", default)]
    pub(super) running: u32,
    #[serde(rename = "succeededCount", default)]
    pub(super) succeeded: u32,
    #[serde(rename = "failedCount", default)]
    pub(super) failed: u32,
    #[serde(rename = "retriedCount", default)]
    pub(super) retried: u32,
    reconciling: bool,
    conditions: Vec<Value>,
}

impl Execution {
    pub(super) fn new(name: String, job: &RunJob, now: DateTime<Utc>) -> Self {
        let job_id = name.split('/').nth_back(2).unwrap_or_default().to_owned();
        Self {
            name,
            job_id,
            task_count: job.tasks,
            create_time: now,
            start_time: now,
            completion_time: None,
            running: 0,
            succeeded: 0,
            failed: 0,
            retried: 0,
            reconciling: true,
            conditions: vec![condition("CONDITION_RECONCILING", "", now)],
        }
    }

    /// Parses what [`Execution::to_json`] returned.
    pub(super) fn read(resource: &Value) -> Option<Self> {
        Self::deserialize(resource).ok()
    }

    pub(super) fn is_over(&self) -> bool {
        self.completion_time.is_some()
    }

    /// Ends it: it succeeded if every task did.
    pub(super) fn end(&mut self, now: DateTime<Utc>) {
        let (state, message) = if self.failed == 0 {
            let message = format!("Execution completed successfully in {}.", self.took(now));
            ("CONDITION_SUCCEEDED", message)
        } else {
            let message = format!(
                "{} of {} tasks failed after all their retries.",
                self.failed, self.task_count
            );
            ("CONDITION_FAILED", message)
        };
        self.finish(state, &message, now);
    }

    /// Ends it as failed because the emulator was stopped.
    pub(super) fn cut_off(&mut self, now: DateTime<Utc>) {
        self.failed += self.task_count - self.succeeded.min(self.task_count);
        self.running = 0;
        self.finish("CONDITION_FAILED", "The emulator was stopped.", now);
    }

    fn finish(&mut self, state: &str, message: &str, now: DateTime<Utc>) {
        self.completion_time = Some(now);
        self.reconciling = false;
        self.conditions = vec![condition(state, message, now)];
    }

    fn took(&self, now: DateTime<Utc>) -> String {
        format!("{}s", (now - self.start_time).num_seconds())
    }

    /// The resource.
    pub(super) fn to_json(&self) -> Value {
        json!(self)
    }

    /// The name of its operation.
    pub(super) fn operation_name(&self) -> String {
        let parent = self.name.split("/jobs/").next().unwrap_or_default();
        let id = self.name.rsplit('/').next().unwrap_or_default();
        format!("{parent}/operations/{id}")
    }

    /// Its operation.
    pub(super) fn operation(&self) -> Value {
        let mut metadata = self.to_json();
        if let Some(fields) = metadata.as_object_mut() {
            let kind = "type.googleapis.com/google.cloud.run.v2.Execution";
            fields.insert("@type".to_owned(), kind.into());
        }
        let mut operation = json!({
            "name": self.operation_name(),
            "metadata": metadata,
            "done": self.is_over(),
        });
        if let (true, Some(fields)) = (self.is_over(), operation.as_object_mut()) {
            fields.insert("response".to_owned(), metadata);
        }
        operation
    }
}

fn condition(state: &str, message: &str, now: DateTime<Utc>) -> Value {
    json!({
        "type": "Completed",
        "state": state,
        "message": message,
        "lastTransitionTime": now,
    })
}
