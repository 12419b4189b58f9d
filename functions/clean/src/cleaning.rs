//! A cleaning that takes longer than a delivery may: run by a Cloud Run job, and recorded in Firestore
//! until its end.
//!
//! The document is the only input of the tasks. Whatever a task writes is a function of it and is
//! created only if absent, so two executions at the same time do no harm.

use chrono::{DateTime, Utc};
use clean_engine::is_cuttable;
use serde::{Deserialize, Serialize};
use shared::{
    error::Error,
    event::DatasetCleaned,
    google::{
        documents::{Document, Stored, Write},
        run::Overrides,
    },
    id::VersionId,
    uri::Artifact,
};
use tracing::info;

use crate::{
    blocking, recipe, state::State, streams::ObjectSource, upload_result::UploadResult,
    version_spec::VersionSpec,
};

/// The environment variable with the version that a task cleans.
pub(crate) const CLEANING_VARIABLE: &str = "CLEANING";
/// The environment variable with the number of earlier rounds.
pub(crate) const ROUND_VARIABLE: &str = "ROUND";

/// Most tasks of an execution: a tebibyte in ranges of a gibibyte. Cloud Run accepts 10,000
/// (<https://cloud.google.com/run/quotas>). Larger uploads get larger ranges.
const TASKS_MAX: u64 = 1_000;

/// How many times larger than a compressed upload its rows may be: JSON compresses to a tenth, and
/// similar rows to less.
const COMPRESSION_RATIO_MAX: u64 = 16;

/// Most uploads of the same bytes that can wait for one cleaning: a document is limited to 1 MiB.
const UPLOADS_MAX: usize = 500;

/// Attempts at a compare-and-set while other tasks and deliveries write the document; they are few.
const RACES_MAX: u32 = 10;

/// A cleaning: document `cleanings/{version}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cleaning {
    /// The version to build.
    pub(crate) spec: VersionSpec,
    /// The uploads whose records wait for it: the same bytes may be uploaded under several names.
    pub(crate) uploads: Vec<Artifact>,
    /// Tasks that share the work. With 1, a single task reads the whole upload.
    pub(crate) tasks: u32,
    /// Earlier rounds, each of which showed that the rows must be processed again by a better plan.
    pub(crate) round: u32,
    /// The names of the executions of the job so far; the last is empty while it is being started.
    pub(crate) executions: Vec<String>,
    /// When the last execution was to be started.
    pub(crate) started_at: DateTime<Utc>,
    /// Whether it is running, or its result is not published yet.
    pub(crate) open: bool,
    /// Its result, once it has ended.
    pub(crate) result: Option<UploadResult>,
    /// Whether the result only says that the job failed too often: another upload starts it again.
    pub(crate) given_up: bool,
    /// When it was requested.
    pub(crate) at: DateTime<Utc>,
}

impl Document for Cleaning {
    const COLLECTION: &'static str = "cleanings";
}

impl Cleaning {
    fn new(spec: VersionSpec, tasks: u32, at: DateTime<Utc>) -> Self {
        Self {
            uploads: vec![spec.stat.artifact.clone()],
            spec,
            tasks,
            round: 0,
            executions: Vec::new(),
            started_at: at,
            open: true,
            result: None,
            given_up: false,
            at,
        }
    }

    /// Reads the cleaning of `version`.
    pub(crate) async fn read(state: &State, version: &VersionId) -> Result<Stored<Self>, Error> {
        let found = state.documents.get::<Self>(version.as_str()).await?;
        found.ok_or_else(|| Error::NotFound(format!("the cleaning of {version}")))
    }

    /// Whether a version may take longer to build than a delivery may take.
    pub(crate) async fn needs_job(state: &State, spec: &VersionSpec) -> Result<bool, Error> {
        let (size, most) = (spec.stat.size_bytes, state.config.job_above_bytes);
        if size > most || size <= most / COMPRESSION_RATIO_MAX {
            return Ok(size > most);
        }
        is_splittable(state, spec).await.map(|can| !can)
    }

    /// Leaves the version to a job, unless one cleans it already; returns the result if there is one.
    pub(crate) async fn enqueue(
        state: &State,
        spec: VersionSpec,
    ) -> Result<Option<UploadResult>, Error> {
        let (version, artifact) = (spec.id.clone(), spec.stat.artifact.clone());
        let before = state.documents.get::<Self>(version.as_str()).await?;
        let stored = match before {
            Some(before) => before,
            None => {
                let tasks = tasks(state, &spec).await?;
                let cleaning = Self::new(spec.clone(), tasks, state.clock.now());
                let _first_one_stays = state.documents.create(version.as_str(), &cleaning).await?;
                Self::read(state, &version).await?
            }
        };
        let mut cleaning = stored.value.clone();
        if cleaning.given_up && !cleaning.uploads.contains(&artifact) {
            // The frames of the current round stay valid: the bytes are the same.
            cleaning = Self {
                round: cleaning.round,
                ..Self::new(spec, cleaning.tasks, state.clock.now())
            };
        }
        if cleaning.result.is_some() {
            return Ok(cleaning.result);
        }
        if !cleaning.uploads.contains(&artifact) {
            if cleaning.uploads.len() >= UPLOADS_MAX {
                return Err(Error::Busy(
                    "too many uploads of the same bytes wait for one cleaning".into(),
                ));
            }
            cleaning.uploads.push(artifact);
        }
        // Started before it is recorded: if the write below is lost, the redelivery starts another
        // execution, which finds the work of the first done. The other way round, a crash would leave
        // a cleaning that seems to run.
        if cleaning.executions.is_empty() {
            let execution = cleaning.start(state).await?;
            cleaning.executions.push(execution);
        }
        if cleaning != stored.value {
            let replaced = state
                .documents
                .replace(version.as_str(), &stored, &cleaning);
            replaced
                .await?
                .or_busy("another delivery requested the same cleaning")?;
        }
        Ok(None)
    }

    /// Starts an execution of the job; returns its name.
    pub(crate) async fn start(&self, state: &State) -> Result<String, Error> {
        let version = &self.spec.id;
        let overrides = Overrides {
            tasks: self.tasks,
            variables: vec![
                (CLEANING_VARIABLE, version.to_string()),
                (ROUND_VARIABLE, self.round.to_string()),
            ],
        };
        let execution = state.run.start(&state.config.job, &overrides).await?;
        info!(
            event.name = "cleaning_started",
            tasks = self.tasks,
            round = self.round,
            "left {version} to {} tasks: `{execution}`",
            self.tasks
        );
        Ok(execution)
    }

    /// Starts the round after `round`, once: every range is processed again by the stored plan.
    pub(crate) async fn start_next_round(
        state: &State,
        version: &VersionId,
        round: u32,
    ) -> Result<(), Error> {
        let stored = Self::read(state, version).await?;
        let mut cleaning = stored.value.clone();
        if cleaning.round > round || cleaning.result.is_some() {
            return Ok(());
        }
        cleaning.round = round + 1;
        let execution = cleaning.start(state).await?;
        cleaning.executions = vec![execution];
        let replaced = state
            .documents
            .replace(version.as_str(), &stored, &cleaning);
        replaced
            .await?
            .or_busy("another task started the next round of the cleaning")
    }

    /// Records the result; the first one stays. From then on no further upload joins the cleaning.
    pub(crate) async fn finish(
        state: &State,
        version: &VersionId,
        result: UploadResult,
    ) -> Result<Self, Error> {
        for _ in 0..RACES_MAX {
            let stored = Self::read(state, version).await?;
            if stored.value.result.is_some() {
                return Ok(stored.value);
            }
            let ended = Self {
                result: Some(result.clone()),
                ..stored.value.clone()
            };
            let replaced = state.documents.replace(version.as_str(), &stored, &ended);
            if replaced.await? == Write::Done {
                return Ok(ended);
            }
        }
        Err(Error::Busy(
            "the cleaning changed with every attempt to write its result".into(),
        ))
    }

    /// Writes the record of every upload that waits, publishes the version, and closes the cleaning.
    /// Each step is create-if-absent or repeatable, so that after a crash it is safe to run again.
    pub(crate) async fn publish_result(&self, state: &State) -> Result<(), Error> {
        let Some(result) = &self.result else {
            return Ok(());
        };
        for artifact in &self.uploads {
            let _upload = result.clone().record(state, artifact).await?;
        }
        if let Some(version) = result.version.clone() {
            let cleaned = DatasetCleaned { version };
            state.events.publish(&cleaned).await?;
        }
        let version = &self.spec.id;
        let stored = Self::read(state, version).await?;
        if stored.value != *self {
            return Ok(());
        }
        let closed = Self {
            open: false,
            ..self.clone()
        };
        let replaced = state.documents.replace(version.as_str(), &stored, &closed);
        // If the write was lost, another task closed the cleaning, or a new upload restarted it.
        let (Write::Done | Write::Lost) = replaced.await?;
        Ok(())
    }
}

/// Whether ranges of an upload's bytes can be processed separately.
async fn is_splittable(state: &State, spec: &VersionSpec) -> Result<bool, Error> {
    let source = ObjectSource::of(state.objects.clone(), &spec.stat);
    // An invalid recipe is reported where the version is built.
    let settings = recipe::settings(&spec.recipe).unwrap_or_default();
    let cuttable = blocking::run(move || is_cuttable(&source, &settings)).await?;
    cuttable.map_err(|error| Error::unavailable("Cloud Storage")(error.into()))
}

/// The number of tasks for a version.
async fn tasks(state: &State, spec: &VersionSpec) -> Result<u32, Error> {
    if !is_splittable(state, spec).await? {
        return Ok(1);
    }
    let tasks = spec.stat.size_bytes.div_ceil(state.config.task_bytes.get());
    Ok(u32::try_from(tasks.clamp(1, TASKS_MAX)).unwrap_or(1))
}
