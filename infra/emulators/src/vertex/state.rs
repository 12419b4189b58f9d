//! All state, in memory and written through to the store.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    observe::{self, JobView, observe},
    quota,
    record::JobRecord,
    settings::VertexSettings,
};
use crate::{
    db::{self, Db, DbChange},
    rest::Error,
};

const JOBS: &str = "vertex-jobs";
const MODELS: &str = "vertex-models";
const SETTINGS: &str = "vertex-settings";

/// What was changed on a tuned model; everything else follows from its job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ModelNote {
    /// `defaultCheckpointId`, if it is not the last one.
    pub(super) default_checkpoint: Option<String>,
    /// `displayName`.
    pub(super) display_name: Option<String>,
    /// `description`.
    pub(super) description: Option<String>,
    /// `labels`.
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// When it was last changed.
    pub(super) updated: Option<DateTime<Utc>>,
}

/// An endpoint that a job created for one of its checkpoints.
#[derive(Debug, Clone)]
pub(super) struct EndpointRecord {
    /// The last segment of the name.
    pub(super) id: String,
    /// The project's number.
    pub(super) project: String,
    /// Its location.
    pub(super) location: String,
    /// `displayName`.
    pub(super) display_name: String,
    /// `labels`.
    pub(super) labels: BTreeMap<String, String>,
    /// When it was created.
    pub(super) created: DateTime<Utc>,
    /// Its model.
    pub(super) deployed: Deployed,
}

/// A tuned model on an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Deployed {
    /// `deployedModelId`.
    pub(super) id: String,
    /// The id of the job that created the model.
    pub(super) job: String,
    /// The checkpoint.
    pub(super) checkpoint: String,
    /// When it was deployed.
    pub(super) created: DateTime<Utc>,
}

/// All state.
#[derive(Debug)]
pub(super) struct State {
    db: Db,
    /// By id.
    pub(super) jobs: BTreeMap<String, JobRecord>,
    models: BTreeMap<String, ModelNote>,
    /// How the emulator behaves.
    pub(super) settings: VertexSettings,
}

impl State {
    /// Reads back what an earlier process left.
    pub(super) fn open(db: Db) -> Result<Self, db::Error> {
        Ok(Self {
            jobs: table(&db, JOBS)?,
            models: table(&db, MODELS)?,
            settings: table(&db, SETTINGS)?.remove("").unwrap_or_default(),
            db,
        })
    }

    /// The job `id` of `project` in `location`.
    pub(super) fn job(&self, project: &str, location: &str, id: &str) -> Option<&JobRecord> {
        self.jobs
            .get(id)
            .filter(|job| job.project == project && job.location == location)
    }

    /// The job that created the model `id`, and its state, if the model exists.
    pub(super) fn model(
        &self,
        project: &str,
        location: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Option<(&JobRecord, JobView)> {
        let job = self.jobs.values().find(|job| {
            job.project == project && job.serving_location() == location && job.model_id() == id
        })?;
        let view = observe(job, now);
        has_model(&view).then_some((job, view))
    }

    /// Every model of `project` in `location`.
    pub(super) fn models_of<'a>(
        &'a self,
        project: &'a str,
        location: &'a str,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (&'a JobRecord, JobView)> {
        self.jobs
            .values()
            .filter(move |job| job.project == project && job.serving_location() == location)
            .map(move |job| (job, observe(job, now)))
            .filter(|(_, view)| has_model(view))
    }

    /// What was changed on the model of `job`.
    pub(super) fn note(&self, job: &JobRecord) -> ModelNote {
        self.models.get(&job.id).cloned().unwrap_or_default()
    }

    /// Every endpoint of `project` in `location`, by age.
    pub(super) fn endpoints_of(
        &self,
        project: &str,
        location: &str,
        now: DateTime<Utc>,
    ) -> Vec<EndpointRecord> {
        let jobs = self.jobs.values().filter(|job| job.project == project);
        let mut all: Vec<EndpointRecord> = jobs
            .filter(|job| job.serving_location() == location)
            .flat_map(|job| endpoints_of(job, now))
            .collect();
        all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        all
    }

    /// Stores `job`.
    pub(super) fn put_job(&mut self, job: JobRecord) -> Result<(), Error> {
        self.write(JOBS, &job.id, &job)?;
        self.jobs.insert(job.id.clone(), job);
        Ok(())
    }

    /// Assigns slots to the waiting jobs of `project` again.
    pub(super) fn reschedule(&mut self, project: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let jobs = self.jobs.values().filter(|job| job.project == project);
        let moved = quota::schedule(jobs.cloned().collect(), self.settings.concurrent_jobs, now);
        for job in moved {
            self.put_job(job)?;
        }
        Ok(())
    }

    /// Stores what was changed on the model of the job `id`.
    pub(super) fn put_note(&mut self, id: &str, note: ModelNote) -> Result<(), Error> {
        self.write(MODELS, id, &note)?;
        self.models.insert(id.to_owned(), note);
        Ok(())
    }

    /// Stores the settings.
    pub(super) fn put_settings(&mut self, settings: VertexSettings) -> Result<(), Error> {
        self.write(SETTINGS, "", &settings)?;
        self.settings = settings;
        Ok(())
    }

    fn write(&self, table: &'static str, key: &str, value: &impl Serialize) -> Result<(), Error> {
        let value = serde_json::to_vec(value).map_err(store_failed)?;
        let put = DbChange::Put {
            table,
            key: key.to_owned(),
            value,
        };
        self.db.apply(vec![put]).map_err(store_failed)
    }
}

/// A model exists from its first checkpoint on.
fn has_model(view: &JobView) -> bool {
    !view.checkpoints.is_empty()
}

/// The endpoints of the checkpoints of `job`.
fn endpoints_of(job: &JobRecord, now: DateTime<Utc>) -> impl Iterator<Item = EndpointRecord> {
    observe(job, now).checkpoints.into_iter().map(|checkpoint| {
        let created = observe::step_at(job, checkpoint.step);
        EndpointRecord {
            id: job.endpoint_id(&checkpoint.id),
            project: job.project.clone(),
            location: job.serving_location().to_owned(),
            display_name: job.display_name.clone(),
            labels: job.labels.clone(),
            created,
            deployed: Deployed {
                id: job.seed().named("deployed").named(&checkpoint.id).id(),
                job: job.id.clone(),
                checkpoint: checkpoint.id,
                created,
            },
        }
    })
}

fn table<T: DeserializeOwned>(
    db: &Db,
    name: &'static str,
) -> Result<BTreeMap<String, T>, db::Error> {
    let mut rows = BTreeMap::new();
    for (key, value) in db.scan(name)? {
        match serde_json::from_slice(&value) {
            Ok(value) => {
                rows.insert(key, value);
            }
            Err(error) => {
                tracing::warn!(%error, table = name, key, "skipped a row of another version");
            }
        }
    }
    Ok(rows)
}

fn store_failed(error: impl std::error::Error) -> Error {
    tracing::error!(%error, "the store of the Vertex AI emulator failed");
    Error::new("INTERNAL", "the emulator's store failed")
}
