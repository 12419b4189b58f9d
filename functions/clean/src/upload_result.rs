//! The result of an upload, and its record.

use serde::{Deserialize, Serialize};
use shared::{
    dataset::{Upload, UploadOutcome, Version},
    error::Error,
    event::ObjectFinalized,
    id::{DatasetName, VersionId},
    uri::Artifact,
};
use tracing::info;

use crate::{build_version::BuildOutcome, state::State};

/// The result of an upload, decided before or after its rows are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UploadResult {
    pub(crate) outcome: UploadOutcome,
    pub(crate) note: String,
    pub(crate) version: Option<VersionId>,
}

impl UploadResult {
    pub(crate) fn new(outcome: UploadOutcome, note: impl Into<String>) -> Self {
        Self {
            outcome,
            note: note.into(),
            version: None,
        }
    }

    pub(crate) fn cleaned(version: VersionId, note: String) -> Self {
        Self {
            outcome: UploadOutcome::Cleaned,
            note,
            version: Some(version),
        }
    }

    /// Records a version whose objects are written.
    pub(crate) async fn of_version(state: &State, version: &Version) -> Result<Self, Error> {
        let _first_one_stays = state.documents.create(version.id.as_str(), version).await?;
        let rows = version.rows;
        info!(
            event.name = "dataset_cleaned",
            rows.read, rows.kept, rows.rejected, rows.duplicate, "made version {}", version.id
        );
        let mut note = format!("{} of {} rows kept", rows.kept, rows.read);
        if let Some(review) = version.review.as_ref().filter(|_| version.awaits_review()) {
            let reasons = review.reasons.join("; ");
            note = format!(
                "{note}; waits for a person: {reasons}; go on with `lapidary datasets accept {}`",
                version.id
            );
        }
        Ok(Self::cleaned(version.id.clone(), note))
    }

    /// The result of a build, if it is final; `None` if the rows must be processed again.
    pub(crate) async fn of(state: &State, made: &BuildOutcome) -> Result<Option<Self>, Error> {
        match made {
            BuildOutcome::Version(version) => Self::of_version(state, version).await.map(Some),
            BuildOutcome::Rejected(note) => Ok(Some(Self::new(UploadOutcome::Rejected, note))),
            BuildOutcome::NextRound(_) | BuildOutcome::CorruptFrames(_) => Ok(None),
        }
    }

    /// Writes the record of the upload `artifact`, unless there is one: the first result stays.
    pub(crate) async fn record(self, state: &State, artifact: &Artifact) -> Result<Upload, Error> {
        let upload = Upload {
            artifact: artifact.clone(),
            dataset: DatasetName::of_object(&artifact.uri.object),
            outcome: self.outcome,
            note: self.note,
            version: self.version,
            at: state.clock.now(),
        };
        let event = ObjectFinalized {
            artifact: artifact.clone(),
        };
        let id = event.upload_id();
        let _first_one_stays = state.documents.create(&id, &upload).await?;
        Ok(upload)
    }
}
