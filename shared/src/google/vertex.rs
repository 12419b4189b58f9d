//! Vertex AI by REST: the calls that Lapidary makes, on the API of today.
//!
//! Not the generated crate: it lacks v1beta1's sub-states, wants one client for each
//! location, and would cost every build minutes (a million lines).

mod boards;
mod curves;
mod job;
mod job_list;
mod job_name;
mod questions;

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::boards::Boards;
pub use self::{
    job::{NewJob, TuningJob},
    job_list::JobList,
    job_name::{InvalidJobName, JobName},
    questions::{AnswerStream, QuestionKind},
};
use crate::{
    google::rest::{RestCall, Transport, parse},
    id::model_id,
    outcome::{CallError, Idempotency},
    policy::Residency,
    retry::Budget,
};

/// The service's name in messages.
pub const SERVICE: &str = "Vertex AI";

/// The client.
#[derive(Clone)]
pub struct Vertex {
    project: String,
    region: String,
    endpoint: Option<String>,
    transport: Transport,
    boards: Boards,
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
        transport: Transport,
    ) -> Self {
        Self {
            project: project.to_owned(),
            region: region.to_owned(),
            endpoint,
            transport,
            boards: Boards::default(),
        }
    }

    /// Creates a tuning job in the region of its plan, once: **never repeated** here, since the service
    /// cannot tell a repetition from a second job. Given up after `timeout`.
    pub fn create_job<'a>(
        &'a self,
        job: &'a NewJob<'_>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<TuningJob, CallError>> {
        Box::pin(async move {
            let path = self.tuning_jobs(&job.plan.region);
            let url = self.url("v1", &path);
            let body = job.body();
            let call = RestCall::new(Method::POST, url)
                .body(&body)
                .timeout(timeout);
            let created = self.transport.call(call.once()).await?;
            parse(created, Idempotency::NotIdempotent)
        })
    }

    /// Reads a tuning job with the sub-states of v1beta1.
    pub fn job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<TuningJob, CallError>> {
        Box::pin(async move {
            let job = self.get::<Value>("v1beta1", name, &[]).await?;
            let read = TuningJob::read(job);
            read.map_err(|error| CallError::not_answered(error, Idempotency::Idempotent))
        })
    }

    /// Asks a job to stop; it may still end otherwise. Asking twice is harmless.
    pub fn cancel_job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let url = self.url("v1", &format!("{name}:cancel"));
            let body = json!({});
            let call = RestCall::new(Method::POST, url).body(&body);
            self.transport.call(call).await.map(drop)
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
            let query = [("updateMask", "defaultCheckpointId")];
            let body = json!({ "defaultCheckpointId": checkpoint });
            let call = RestCall::new(Method::PATCH, self.url("v1", name));
            let call = call.query(&query).body(&body);
            self.transport.call(call).await.map(drop)
        })
    }

    /// The resource name of a base model where it answers: at `location`, which keeps what it is asked and
    /// what it answers there. `model` is its id or its name anywhere, so that a name that was stored for one
    /// location becomes that of another.
    ///
    /// This and [`TuningPlan::region`] are the only places that choose a location, and the host follows from
    /// the name that a call is sent to. A tuned model answers where the service has put its endpoint: `us` or
    /// `eu`, after the region of its job.
    ///
    /// [`TuningPlan::region`]: crate::run::TuningPlan::region
    pub fn base_model(&self, model: &str, location: Residency) -> String {
        format!(
            "projects/{}/locations/{location}/publishers/google/models/{}",
            self.project,
            model_id(model)
        )
    }

    /// Asks `model`, an endpoint or a base model by resource name, for an answer.
    ///
    /// An answer costs its tokens and changes nothing, so asking again is harmless: how often is
    /// worth it, the caller says with `budget`.
    pub fn generate<'a>(
        &'a self,
        model: &'a str,
        request: &'a Value,
        budget: Budget,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        let url = self.url("v1", &format!("{model}:generateContent"));
        let call = RestCall::new(Method::POST, url).body(request);
        self.transport.call(call.timeout(timeout).budget(budget))
    }

    /// How many tokens `model` counts in `request`.
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
            let url = self.url("v1", &format!("{model}:countTokens"));
            let call = RestCall::new(Method::POST, url).body(request);
            let call = call.timeout(timeout).budget(Budget::ONCE);
            let counted = self.transport.call(call).await?;
            let counted: Counted = parse(counted, Idempotency::Idempotent)?;
            Ok(counted.total_tokens)
        })
    }

    fn tuning_jobs(&self, region: &str) -> String {
        format!("projects/{}/locations/{region}/tuningJobs", self.project)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        version: &str,
        name: &str,
        query: &[(&str, &str)],
    ) -> Result<T, CallError> {
        let call = RestCall::new(Method::GET, self.url(version, name)).query(query);
        parse(self.transport.call(call).await?, Idempotency::Idempotent)
    }

    /// The address of `name` in a version of the API, at the host of the location it names.
    fn url(&self, version: &str, name: &str) -> String {
        format!("{}/{version}/{name}", self.host(location(name)))
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

/// The location in `projects/P/locations/L/…`.
fn location(name: &str) -> &str {
    name.split('/').nth(3).unwrap_or("global")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_is_read_from_the_name() {
        assert_eq!(location("projects/p/locations/us/endpoints/7"), "us");
        assert_eq!(location("odd"), "global");
    }
}
