//! A service, a revision and a job, as the Cloud Run Admin API returns them.
//!
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services>

use serde::Deserialize;
use serde_json::Value;

use crate::traffic::TrafficTarget;

/// A condition: something that holds, fails, or is in progress.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ServiceCondition {
    /// What it is about.
    #[serde(rename = "type", default)]
    pub condition_type: String,
    /// Whether it holds.
    #[serde(default)]
    pub state: String,
    /// Google's message.
    #[serde(default)]
    pub message: String,
}

/// A service: the fields that a release reads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudRunService {
    /// The version of the service that was read.
    pub etag: String,
    /// What new revisions are created from, complete.
    pub template: Value,
    /// Where requests should go.
    pub traffic: Vec<TrafficTarget>,
    /// Where they do go.
    pub traffic_statuses: Vec<TrafficTarget>,
    /// The full name of the newest revision that is ready.
    pub latest_ready_revision: String,
    /// The full name of the newest revision.
    pub latest_created_revision: String,
    /// Its address.
    pub uri: String,
    /// The audiences that tokens for it may have, besides its address.
    pub custom_audiences: Vec<String>,
    /// Whether a change of it is in progress.
    pub reconciling: bool,
    /// Whether the service as a whole is ready.
    pub terminal_condition: ServiceCondition,
}

impl CloudRunService {
    /// The image that new revisions run.
    pub fn image(&self) -> &str {
        image(&self.template)
    }
}

/// A revision.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Revision {
    containers: Vec<RevisionContainer>,
    conditions: Vec<ServiceCondition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct RevisionContainer {
    image: String,
}

/// Whether a revision is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It takes requests.
    Ready,
    /// It never will, and why.
    Failed(String),
    /// Not decided yet.
    Pending,
}

impl Revision {
    /// The image that it runs.
    pub fn image(&self) -> &str {
        let first = self.containers.first();
        first.map_or("", |container| container.image.as_str())
    }

    /// Whether it takes requests yet.
    pub fn readiness(&self) -> Readiness {
        let ready = self
            .conditions
            .iter()
            .find(|it| it.condition_type == "Ready");
        match ready {
            Some(it) if it.state == "CONDITION_SUCCEEDED" => Readiness::Ready,
            Some(it) if it.state == "CONDITION_FAILED" => Readiness::Failed(it.message.clone()),
            Some(_) | None => Readiness::Pending,
        }
    }
}

/// The image of the first container of a template.
pub fn image(template: &Value) -> &str {
    let image = template.pointer("/containers/0/image");
    image.and_then(Value::as_str).unwrap_or_default()
}

/// The last part of a full name.
pub fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}
