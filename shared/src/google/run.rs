//! Cloud Run's administration by REST: starts jobs, and reads their executions.
//!
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run>

use futures::future::BoxFuture;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::Error,
    google::rest::{Rest, parse},
    outcome::{self, Idempotency},
};

/// The service's name in messages.
const SERVICE: &str = "Cloud Run";

/// The type of the condition that tells how an execution ended.
const COMPLETED: &str = "Completed";
/// The state of a condition that holds.
const SUCCEEDED: &str = "CONDITION_SUCCEEDED";

/// How one execution of a job differs from the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overrides {
    /// Its tasks.
    pub tasks: u32,
    /// Variables of its container, in addition to those of the job.
    pub variables: Vec<(&'static str, String)>,
}

/// One execution of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its name: `projects/P/locations/L/jobs/J/executions/E`.
    pub name: String,
    /// When it ended, if it has.
    #[serde(default)]
    pub completion_time: Option<String>,
    /// Tasks that failed at every attempt they had.
    #[serde(default)]
    pub failed_count: u32,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Condition {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    message: String,
}

impl Execution {
    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.completion_time.is_none()
    }

    /// What went wrong with it, if something did.
    pub fn failure(&self) -> Option<&str> {
        let mut ends = self.conditions.iter();
        let end = ends.find(|condition| condition.kind == COMPLETED)?;
        (end.state != SUCCEEDED).then_some(&*end.message)
    }
}

/// The client.
#[derive(Debug, Clone)]
pub struct CloudRun(Rest);

impl CloudRun {
    pub(crate) fn new(rest: Rest) -> Self {
        Self(rest)
    }

    /// Starts an execution of `job`, a resource name; gives the execution's name.
    ///
    /// Repeated where no answer came, since there is no way to ask whether the service received
    /// the call: do not start work by it of which two executions do harm.
    pub fn start<'a>(
        &'a self,
        job: &'a str,
        overrides: &'a Overrides,
    ) -> BoxFuture<'a, Result<String, Error>> {
        /// The part of the operation that is read.
        #[derive(Deserialize)]
        struct Operation {
            metadata: Metadata,
        }
        /// The execution, as it is at its start.
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
        }
        Box::pin(async move {
            let variable = |(name, value): &(&str, String)| json!({ "name": name, "value": value });
            let variables: Vec<Value> = overrides.variables.iter().map(variable).collect();
            let body = json!({ "overrides": {
                "taskCount": overrides.tasks,
                "containerOverrides": [{ "env": variables }],
            }});
            let path = format!("v2/{job}:run");
            let operation = self.0.call(Method::POST, &path, &[], Some(&body)).await;
            let operation =
                operation.and_then(|it| parse::<Operation>(it, Idempotency::Idempotent));
            Ok(operation.map_err(Error::call(SERVICE))?.metadata.name)
        })
    }

    /// Reads an execution; `None` where Cloud Run has deleted it.
    pub fn execution<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Execution>, Error>> {
        Box::pin(async move {
            let path = format!("v2/{name}");
            let read = self.0.call(Method::GET, &path, &[], None).await;
            let read = read.and_then(|it| parse(it, Idempotency::Idempotent));
            outcome::found(read).map_err(Error::call(SERVICE))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, running: bool, failure: Option<&str>) {
        let execution: Execution = serde_json::from_str(text).unwrap();
        assert_eq!(execution.is_running(), running, "{text}");
        assert_eq!(execution.failure(), failure, "{text}");
    }

    #[test]
    fn an_execution_says_how_it_ended() {
        check(r#"{"name":"e"}"#, true, None);
        check(
            r#"{"name":"e","completionTime":"t","conditions":[{"type":"Completed","state":"CONDITION_SUCCEEDED"}]}"#,
            false,
            None,
        );
        check(
            r#"{"name":"e","completionTime":"t","failedCount":1,"conditions":[{"type":"Completed","state":"CONDITION_FAILED","message":"m"}]}"#,
            false,
            Some("m"),
        );
    }
}
