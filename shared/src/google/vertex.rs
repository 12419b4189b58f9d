//! Vertex AI by REST: the calls that Lapidary makes, on the API of today.
//!
//! Not the generated crate: it lacks v1beta1's sub-states, wants one client for each
//! location, and would cost every build minutes (a million lines).

mod curves;
mod job;

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::job::{NewJob, TuningJob};
use crate::{
    error::{Error, Source},
    google::StartError,
    id::RunId,
    retry::{self, Budget},
};

/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest that a call other than create may take.
const CALL_MAX: Duration = Duration::from_mins(1);
/// Pages of a list that are read: 100 jobs each, years of runs.
const PAGES_MAX: usize = 50;

/// How a call failed, by what the caller may conclude.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// A definite no: the same call will be refused again.
    #[error("Vertex AI refused: {message} ({status})")]
    Refused {
        /// The canonical code, such as `INVALID_ARGUMENT`.
        status: String,
        /// The service's words.
        message: String,
    },
    /// A definite no, for now: a quota is used up.
    #[error("a quota is used up: {message}")]
    Quota {
        /// The service's words, which name the quota.
        message: String,
    },
    /// What the call names does not exist.
    #[error("not found: {message}")]
    Missing {
        /// The service's words.
        message: String,
    },
    /// A definite no: the call was never sent.
    #[error("the call could not be sent")]
    NotSent(#[source] Source),
    /// The call may or may not have had its effect.
    #[error("the outcome of the call is unknown")]
    Unknown(#[source] Source),
}

impl CallError {
    /// The same failure for a delivery: all but a definite no comes again.
    pub fn into_error(self) -> Error {
        match self {
            Self::Refused { .. } | Self::Missing { .. } => Error::Internal {
                what: "a call that Vertex AI refuses",
                source: self.into(),
            },
            Self::Quota { .. } | Self::NotSent(_) | Self::Unknown(_) => {
                Error::unavailable("Vertex AI")(self.into())
            }
        }
    }

    fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NotSent(_) | Self::Unknown(_) | Self::Quota { .. }
        )
    }
}

/// The client.
#[derive(Clone)]
pub struct Vertex {
    project: String,
    region: String,
    endpoint: Option<String>,
    credentials: Credentials,
    http: reqwest::Client,
}

impl fmt::Debug for Vertex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vertex")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Vertex {
    pub(crate) fn new(
        project: &str,
        region: &str,
        endpoint: Option<String>,
        credentials: Credentials,
    ) -> Result<Self, StartError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .build()
            .map_err(|error| StartError::of("Vertex AI")(error.into()))?;
        Ok(Self {
            project: project.to_owned(),
            region: region.to_owned(),
            endpoint,
            credentials,
            http,
        })
    }

    /// Creates a tuning job, once: **never repeated** here, since the service cannot tell a
    /// repetition from a second job. Given up after `timeout`.
    pub fn create_job<'a>(
        &'a self,
        job: &'a NewJob<'_>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<TuningJob, CallError>> {
        Box::pin(async move {
            let path = format!("v1/{}/tuningJobs", self.parent());
            let body = self
                .call(
                    Method::POST,
                    &self.region,
                    &path,
                    &[],
                    Some(job.body()),
                    timeout,
                )
                .await?;
            parse(body)
        })
    }

    /// Reads a tuning job with the sub-states of v1beta1.
    pub fn job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<TuningJob, CallError>> {
        Box::pin(async move { parse(self.get(name, "v1beta1", &[]).await?) })
    }

    /// Finds the jobs that carry the label of `run`, whatever their state.
    ///
    /// The filter's grammar is not documented for tuning jobs, so what comes back is filtered
    /// again here.
    pub fn jobs_of<'a>(
        &'a self,
        run: &'a RunId,
    ) -> BoxFuture<'a, Result<Vec<TuningJob>, CallError>> {
        Box::pin(async move {
            let filter = format!("labels.{}=\"{run}\"", job::RUN_LABEL);
            let path = format!("{}/tuningJobs", self.parent());
            let mut found = Vec::new();
            let mut token = String::new();
            for _ in 0..PAGES_MAX {
                let query = [
                    ("filter", filter.as_str()),
                    ("pageSize", "100"),
                    ("pageToken", token.as_str()),
                ];
                let page: JobPage = parse(self.get(&path, "v1", &query).await?)?;
                found.extend(page.tuning_jobs.into_iter().filter(|job| job.is_of(run)));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            found.sort_by_key(|job| job.create_time);
            Ok(found)
        })
    }

    /// Asks a job to stop; it may still end otherwise. Asking twice is harmless.
    pub fn cancel_job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let path = format!("v1/{name}:cancel");
            let location = location(name);
            retry::repeatable(Budget::default(), CallError::may_pass, || {
                self.call(
                    Method::POST,
                    location,
                    &path,
                    &[],
                    Some(json!({})),
                    CALL_MAX,
                )
            })
            .await
            .map(drop)
        })
    }

    /// Makes a checkpoint the default one of a tuned model.
    pub fn choose_checkpoint<'a>(
        &'a self,
        model: &'a str,
        checkpoint: &'a str,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            // `models/M@2` names a version; the update is of the model.
            let name = model.split('@').next().unwrap_or(model);
            let path = format!("v1/{name}");
            let query = [("updateMask", "defaultCheckpointId")];
            let body = json!({ "defaultCheckpointId": checkpoint });
            retry::repeatable(Budget::default(), CallError::may_pass, || {
                self.call(
                    Method::PATCH,
                    location(name),
                    &path,
                    &query,
                    Some(body.clone()),
                    CALL_MAX,
                )
            })
            .await
            .map(drop)
        })
    }

    /// The resource name of a base model where it answers: 3.x models are served globally.
    pub fn base_model(&self, model: &str) -> String {
        format!(
            "projects/{}/locations/global/publishers/google/models/{model}",
            self.project
        )
    }

    /// Asks `model`, an endpoint or a base model by resource name, for an answer.
    ///
    /// Not repeated here: a caller that can afford to ask again says so with `budget`.
    pub fn generate<'a>(
        &'a self,
        model: &'a str,
        request: &'a Value,
        budget: Budget,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move {
            let path = format!("v1/{model}:generateContent");
            retry::repeatable(budget, CallError::may_pass, || {
                self.call(
                    Method::POST,
                    location(model),
                    &path,
                    &[],
                    Some(request.clone()),
                    timeout,
                )
            })
            .await
        })
    }

    /// How many tokens `model` takes `request` for.
    pub fn count_tokens<'a>(
        &'a self,
        model: &'a str,
        request: &'a Value,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64, CallError>> {
        /// The part of the answer that is read.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Counted {
            total_tokens: u64,
        }
        Box::pin(async move {
            let path = format!("v1/{model}:countTokens");
            let body = Some(request.clone());
            let answer = self.call(Method::POST, location(model), &path, &[], body, timeout);
            Ok(parse::<Counted>(answer.await?)?.total_tokens)
        })
    }

    fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.region)
    }

    async fn get(
        &self,
        name: &str,
        version: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, CallError> {
        let path = format!("{version}/{name}");
        retry::repeatable(Budget::default(), CallError::may_pass, || {
            self.call(Method::GET, location(name), &path, query, None, CALL_MAX)
        })
        .await
    }

    async fn call(
        &self,
        method: Method,
        location: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        let headers = match self.credentials.headers(http::Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => data,
            Ok(CacheableResource::NotModified) => http::HeaderMap::new(),
            Err(error) => return Err(CallError::NotSent(error.into())),
        };
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.host(location)))
            .headers(headers)
            .query(query)
            .timeout(timeout);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(CallError::NotSent(error.into()));
            }
            Err(error) => return Err(CallError::Unknown(error.into())),
        };
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| CallError::Unknown(error.into()))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| CallError::Unknown(error.into()));
        }
        Err(failure(status, &body))
    }

    /// The host that serves `location`; the wrong one answers 400 or 404.
    fn host(&self, location: &str) -> String {
        match (&self.endpoint, location) {
            (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
            (None, "global") => "https://aiplatform.googleapis.com".to_owned(),
            (None, "us" | "eu") => format!("https://aiplatform.{location}.rep.googleapis.com"),
            (None, region) => format!("https://{region}-aiplatform.googleapis.com"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobPage {
    #[serde(default)]
    tuning_jobs: Vec<TuningJob>,
    #[serde(default)]
    next_page_token: String,
}

/// The location in `projects/P/locations/L/…`.
fn location(name: &str) -> &str {
    name.split('/').nth(3).unwrap_or("global")
}

fn parse<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, CallError> {
    serde_json::from_value(body).map_err(|error| CallError::Unknown(error.into()))
}

fn failure(code: StatusCode, body: &[u8]) -> CallError {
    #[derive(Default, Deserialize)]
    struct Body {
        #[serde(default)]
        error: Status,
    }
    #[derive(Default, Deserialize)]
    struct Status {
        #[serde(default)]
        status: String,
        #[serde(default)]
        message: String,
    }
    let Status { status, message } = serde_json::from_slice::<Body>(body)
        .unwrap_or_default()
        .error;
    if code == StatusCode::NOT_FOUND {
        CallError::Missing { message }
    } else if code == StatusCode::TOO_MANY_REQUESTS {
        CallError::Quota { message }
    } else if code.is_client_error() {
        CallError::Refused { status, message }
    } else {
        // A front end may answer 5xx although what stands behind it did the work.
        CallError::Unknown(format!("HTTP {code}: {message}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u16, body: &str, expected: &str) {
        let code = StatusCode::from_u16(code).unwrap();
        let shown = format!("{:?}", failure(code, body.as_bytes()));
        assert!(shown.starts_with(expected), "{code}: {shown}");
    }

    #[test]
    fn only_what_is_certain_counts_as_a_no() {
        let body = r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}"#;
        check(400, body, "Refused { status: \"INVALID_ARGUMENT\"");
        check(404, "<html>", "Missing");
        check(429, body, "Quota");
        check(500, body, "Unknown");
        check(503, body, "Unknown");
    }

    #[test]
    fn the_location_is_read_from_the_name() {
        assert_eq!(location("projects/p/locations/us/endpoints/7"), "us");
        assert_eq!(location("odd"), "global");
    }
}
