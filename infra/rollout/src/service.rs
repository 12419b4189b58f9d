//! A service, a revision and a job, as Cloud Run's administration tells of them.
//!
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services>

use serde::Deserialize;
use serde_json::Value;

use crate::traffic::Share;

/// A condition: what holds, fails, or is on its way.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// How it stands.
    #[serde(default)]
    pub state: String,
    /// Google's words.
    #[serde(default)]
    pub message: String,
}

/// A service, the parts that a release looks at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// The version of it that was read.
    pub etag: String,
    /// What new revisions are made from, whole.
    pub template: Value,
    /// Where requests are to go.
    pub traffic: Vec<Share>,
    /// Where they go.
    pub traffic_statuses: Vec<Share>,
    /// The full name of the revision that was ready last.
    pub latest_ready_revision: String,
    /// The full name of the revision that was made last.
    pub latest_created_revision: String,
    /// Its own address.
    pub uri: String,
    /// The audiences that tokens for it may name, beside its address.
    pub custom_audiences: Vec<String>,
    /// Whether a change of it is on its way.
    pub reconciling: bool,
    /// How it stands as a whole.
    pub terminal_condition: Condition,
}

impl Service {
    /// The image that new revisions are made from.
    pub fn image(&self) -> &str {
        image(&self.template)
    }
}

/// A revision.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Revision {
    containers: Vec<Container>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Container {
    image: String,
}

/// How far a revision has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It takes requests.
    Ready,
    /// It never will; why.
    Failed(String),
    /// Nobody knows yet.
    Pending,
}

impl Revision {
    /// The image that it runs.
    pub fn image(&self) -> &str {
        let first = self.containers.first();
        first.map_or("", |container| container.image.as_str())
    }

    /// Whether it takes requests.
    pub fn readiness(&self) -> Readiness {
        let ready = self.conditions.iter().find(|it| it.kind == "Ready");
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
