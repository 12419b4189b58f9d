//! Cloud Run's administration by REST: jobs are started, and their executions looked at.
//!
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run>

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::{Error, Source},
    google::StartError,
    retry::{self, Budget},
};

/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest that a call may take.
const CALL_MAX: Duration = Duration::from_mins(1);
/// Where the service is.
const ENDPOINT: &str = "https://run.googleapis.com";
/// The type of the condition that says how an execution ended.
const COMPLETED: &str = "Completed";
/// The state of a condition that holds.
const SUCCEEDED: &str = "CONDITION_SUCCEEDED";

/// How one execution of a job differs from the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overrides {
    /// Its tasks.
    pub tasks: u32,
    /// Variables of its container, beside those of the job.
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
    /// Tasks that were tried as often as they may be.
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
    /// Whether it goes on.
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

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
enum CallError {
    /// Once more may help.
    #[error("no answer that says how it ended")]
    Away(#[source] Source),
    /// A definite no.
    #[error("HTTP {status}: {message}")]
    Refused { status: StatusCode, message: String },
}

impl CallError {
    fn into_error(self) -> Error {
        match self {
            Self::Away(_) => Error::unavailable("Cloud Run")(self.into()),
            Self::Refused { .. } => Error::Internal {
                what: "a call that Cloud Run refuses",
                source: self.into(),
            },
        }
    }
}

/// The client.
#[derive(Clone)]
pub struct Run {
    endpoint: String,
    credentials: Credentials,
    http: reqwest::Client,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Run {
    pub(crate) fn new(
        endpoint: Option<&str>,
        credentials: Credentials,
    ) -> Result<Self, StartError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .build()
            .map_err(|error| StartError::of("Cloud Run")(error.into()))?;
        Ok(Self {
            endpoint: endpoint
                .unwrap_or(ENDPOINT)
                .trim_end_matches('/')
                .to_owned(),
            credentials,
            http,
        })
    }

    /// Starts an execution of `job`, a resource name; gives the execution's name.
    ///
    /// Repeated where no answer came, since the service cannot be asked whether it heard: work of
    /// which two executions do harm is not to be started by this.
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
            let operation = self.call(Method::POST, &path, Some(&body)).await;
            let operation = operation.map_err(CallError::into_error)?;
            let operation: Operation = parse(operation)?;
            Ok(operation.metadata.name)
        })
    }

    /// Looks at an execution; `None` where it is forgotten.
    pub fn execution<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Execution>, Error>> {
        Box::pin(async move {
            match self.call(Method::GET, &format!("v2/{name}"), None).await {
                Ok(execution) => parse(execution).map(Some),
                Err(CallError::Refused { status, .. }) if status == StatusCode::NOT_FOUND => {
                    Ok(None)
                }
                Err(error) => Err(error.into_error()),
            }
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let may_pass = |error: &CallError| matches!(error, CallError::Away(_));
        retry::repeatable(Budget::default(), may_pass, || {
            self.call_once(method.clone(), path, body)
        })
        .await
    }

    async fn call_once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let away = |error: reqwest::Error| CallError::Away(error.into());
        let headers = match self.credentials.headers(http::Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => data,
            Ok(CacheableResource::NotModified) => http::HeaderMap::new(),
            Err(error) => return Err(CallError::Away(error.into())),
        };
        let url = format!("{}/{path}", self.endpoint);
        let mut request = self.http.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(away)?;
        let status = response.status();
        let body = response.bytes().await.map_err(away)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| CallError::Away(error.into()));
        }
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = answer.pointer("/error/message").and_then(Value::as_str);
        let message = message.unwrap_or_default().to_owned();
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(CallError::Away(format!("HTTP {status}: {message}").into()));
        }
        Err(CallError::Refused { status, message })
    }
}

fn parse<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Error> {
    serde_json::from_value(body).map_err(|error| Error::unavailable("Cloud Run")(error.into()))
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
