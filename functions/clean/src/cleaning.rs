//! A cleaning that takes longer than a delivery may: left to a Cloud Run job, and remembered in
//! Firestore until its end.
//!
//! The document is the order: tasks read it and nothing else. Whatever a task makes is a function of
//! it and is created only where it is not, so two executions at once do no harm.

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

/// The variable that names the cleaning to a task.
pub(crate) const CLEANING_VARIABLE: &str = "CLEANING";
/// The variable that counts how often rows were judged before.
pub(crate) const ROUND_VARIABLE: &str = "ROUND";

/// Most tasks of an execution: a tebibyte in ranges of a gibibyte. The service takes 10,000
/// (<https://cloud.google.com/run/quotas>); above this many, ranges are longer.
const TASKS_MAX: u64 = 1_000;

/// How many times as long as an upload its rows may be, where they are packed: JSON packs to a tenth,
/// and rows that repeat one another to less.
const PACKED: u64 = 16;

/// Most uploads of the same bytes that can wait for one cleaning: a document holds 1 MiB.
const UPLOADS_MAX: usize = 500;

/// Times that a document is read again that others write, too; there are few of them.
const RACES_MAX: u32 = 10;

/// A cleaning: document `cleanings/{version}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cleaning {
    /// What is to be made.
    pub(crate) spec: VersionSpec,
    /// The uploads whose records wait for it: the same bytes may come under several names.
    pub(crate) uploads: Vec<Artifact>,
    /// Tasks that share the work; one reads all by itself.
    pub(crate) tasks: u32,
    /// How often rows were judged before, and turned out to need it again.
    pub(crate) round: u32,
    /// The executions of the job so far, by name; the last has none while it is being started.
    pub(crate) executions: Vec<String>,
    /// When the last of them was to be started.
    pub(crate) started_at: DateTime<Utc>,
    /// Whether it goes on, or not everybody was told of its end yet.
    pub(crate) open: bool,
    /// What it came to.
    pub(crate) result: Option<UploadResult>,
    /// Whether that is nothing but that the job failed too often: another upload tries again.
    pub(crate) given_up: bool,
    /// When it was ordered.
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

    /// Whether an order may take longer than a delivery may.
    pub(crate) async fn needs_job(state: &State, spec: &VersionSpec) -> Result<bool, Error> {
        let (size, most) = (spec.stat.size_bytes, state.config.job_above_bytes);
        if size > most || size <= most / PACKED {
            return Ok(size > most);
        }
        is_splittable(state, spec).await.map(|can| !can)
    }

    /// Has a job clean what is ordered, unless one does already; its result, if it has met it.
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
            // What was judged stays: the bytes are the same.
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
                return Err(Error::Busy("too many uploads wait for a cleaning".into()));
            }
            cleaning.uploads.push(artifact);
        }
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
                .or_busy("a cleaning that others order, too")?;
        }
        Ok(None)
    }

    /// Starts an execution of the job; gives its name.
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

    /// Has every range judged anew, once, by the plan that is put down for the round after `round`.
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
            .or_busy("a cleaning whose next round others start, too")
    }

    /// Notes what it came to; the first result stays. From then on nobody joins it.
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
        Err(Error::Busy("a cleaning that many write to".into()))
    }
}

impl Cleaning {
    /// Writes the record of every upload that waited, tells of the version, and closes.
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
        // Whoever was faster closed it, or has begun anew.
        let (Write::Done | Write::Lost) = replaced.await?;
        Ok(())
    }
}

/// Whether any range of an upload's bytes can be judged by itself.
async fn is_splittable(state: &State, spec: &VersionSpec) -> Result<bool, Error> {
    let source = ObjectSource::of(state.objects.clone(), &spec.stat);
    // A recipe that cannot be gone by is refused by whoever makes the version.
    let settings = recipe::settings(&spec.recipe).unwrap_or_default();
    let cuttable = blocking::run(move || is_cuttable(&source, &settings)).await?;
    cuttable.map_err(|error| Error::unavailable("Cloud Storage")(error.into()))
}

/// How many tasks an order is for.
async fn tasks(state: &State, spec: &VersionSpec) -> Result<u32, Error> {
    if !is_splittable(state, spec).await? {
        return Ok(1);
    }
    let tasks = spec.stat.size_bytes.div_ceil(state.config.task_bytes.get());
    Ok(u32::try_from(tasks.clamp(1, TASKS_MAX)).unwrap_or(1))
}
