//! Every event that the functions publish and consume, on one page.
//!
//! Events carry ids only. A consumer reads the truth from where it is stored and trusts no
//! number, address or state in a message. Unknown fields are tolerated, so that an old reader
//! survives a new writer.

mod incident;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::incident::Incident;

use crate::{
    id::{DatasetName, RunId, SmokeId, VersionId},
    uri::{Artifact, GcsUri},
};

/// Something that happened, published by one function and consumed by others.
pub trait Event: Serialize + DeserializeOwned + Send + Sync {
    /// The CloudEvents `type`; its last segment is the version.
    const TYPE: &'static str;
    /// The Pub/Sub topic that carries it.
    const TOPIC: &'static str;

    /// What the event is about: the CloudEvents `subject`.
    fn subject(&self) -> String;

    /// The version that the event belongs to: all that follows from an upload is one trace.
    fn version(&self) -> Option<VersionId> {
        None
    }

    /// The CloudEvents `id`: the same event, published again, has the same id.
    fn id(&self) -> String {
        crate::id::digest(&[Self::TYPE, &self.subject()])
    }
}

/// `clean` made a version of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetCleaned {
    /// Document `versions/{version}`.
    pub version: VersionId,
}

impl Event for DatasetCleaned {
    const TYPE: &'static str = "dev.lapidary.dataset.cleaned.v1";
    const TOPIC: &'static str = "dataset-cleaned";

    fn subject(&self) -> String {
        self.version.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.version.clone())
    }
}

/// A run may cost what it costs: it is within its budget, or a person approved it.
///
/// `watch` publishes it again while the run waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunApproved {
    /// Document `runs/{run}`.
    pub run: RunId,
}

impl Event for RunApproved {
    const TYPE: &'static str = "dev.lapidary.run.approved.v1";
    const TOPIC: &'static str = "run-approved";

    fn subject(&self) -> String {
        self.run.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// A run began to wait for a person, who must approve its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAwaitsApproval {
    /// Document `runs/{run}`.
    pub run: RunId,
}

impl Event for RunAwaitsApproval {
    const TYPE: &'static str = "dev.lapidary.run.awaits-approval.v1";
    const TOPIC: &'static str = "run-awaits-approval";

    fn subject(&self) -> String {
        self.run.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// `tune` submitted the tuning job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSubmitted {
    /// Document `runs/{run}`.
    pub run: RunId,
}

impl Event for RunSubmitted {
    const TYPE: &'static str = "dev.lapidary.run.submitted.v1";
    const TOPIC: &'static str = "run-submitted";

    fn subject(&self) -> String {
        self.run.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// `watch` still sees a fault in a run, and no alert has led to a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunUnhealthy {
    /// Document `runs/{run}`.
    pub run: RunId,
}

impl Event for RunUnhealthy {
    const TYPE: &'static str = "dev.lapidary.run.unhealthy.v1";
    const TOPIC: &'static str = "run-unhealthy";

    fn subject(&self) -> String {
        self.run.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// The tuning job of a run ended, one way or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFinished {
    /// Document `runs/{run}`.
    pub run: RunId,
}

impl Event for RunFinished {
    const TYPE: &'static str = "dev.lapidary.run.finished.v1";
    const TOPIC: &'static str = "run-finished";

    fn subject(&self) -> String {
        self.run.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// `evaluate` compared the tuned model of a run with its base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEvaluated {
    /// Document `evaluations/{run}`.
    pub run: RunId,
}

impl Event for RunEvaluated {
    const TYPE: &'static str = "dev.lapidary.run.evaluated.v1";
    const TOPIC: &'static str = "run-evaluated";

    fn subject(&self) -> String {
        self.run.to_string()
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// `deploy` moved a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelDeployed {
    /// Document `routes/{model}`.
    pub model: DatasetName,
    /// The run whose tuned model the route leads to now.
    pub run: RunId,
}

impl Event for ModelDeployed {
    const TYPE: &'static str = "dev.lapidary.model.deployed.v1";
    const TOPIC: &'static str = "model-deployed";

    fn subject(&self) -> String {
        format!("{}/{}", self.model, self.run)
    }

    fn version(&self) -> Option<VersionId> {
        Some(self.run.version())
    }
}

/// A release asks one revision of a function whether messages reach it and it can write.
///
/// The rollout of a release publishes it, to `/smoke` of the revision; a function never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smoke {
    /// Document `smokes/{id}-{function}`; each smoke test has an id of its own.
    pub id: SmokeId,
}

impl Event for Smoke {
    const TYPE: &'static str = "dev.lapidary.smoke.v1";
    const TOPIC: &'static str = "smoke";

    fn subject(&self) -> String {
        self.id.to_string()
    }
}

/// Cloud Scheduler: a minute passed. `watch` and `clean` consume it; no function publishes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {}

/// Cloud Storage: an upload is complete. `clean` consumes it; `watch` publishes it again where no record of the
/// upload follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFinalized {
    /// The generation that was written.
    pub artifact: Artifact,
}

impl ObjectFinalized {
    /// The CloudEvents `type` that Eventarc gives it.
    pub const TYPE: &'static str = "google.cloud.storage.object.v1.finalized";
    /// The Pub/Sub topic that carries it.
    pub const TOPIC: &'static str = "object-finalized";

    /// What `bucket`, `object` and `generation` name.
    pub fn new(bucket: &str, object: &str, generation: i64) -> Self {
        Self {
            artifact: Artifact {
                uri: GcsUri::new(bucket, object),
                generation,
            },
        }
    }

    /// The id of the document that records how this upload ended: `uploads/{id}`.
    ///
    /// A digest, since an object's name may be longer than a document's id and hold any character.
    pub fn upload_id(&self) -> String {
        let mut id = crate::id::digest(&[&self.artifact.to_string()]);
        id.truncate(40);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_published_again_has_the_same_id() {
        let event = || RunFinished {
            run: "tickets-a-b".parse().unwrap(),
        };
        assert_eq!(event().id(), event().id());
        let other = RunEvaluated { run: event().run };
        assert_ne!(event().id(), other.id(), "another event about the same run");
    }

    #[test]
    fn an_old_reader_survives_a_new_writer() {
        let text = r#"{"run":"tickets-a-b","reason":"new field"}"#;
        assert!(serde_json::from_str::<RunFinished>(text).is_ok());
    }
}
