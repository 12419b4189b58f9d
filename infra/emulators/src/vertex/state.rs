//! All state, in memory and written through to the store.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    observe::{self, JobView, observe},
    quota,
    record::JobRecord,
    settings::Settings,
};
use crate::{
    db::{self, Change, Db},
    rest::Error,
};

const JOBS: &str = "vertex-jobs";
const MODELS: &str = "vertex-models";
const ENDPOINTS: &str = "vertex-endpoints";
const OPERATIONS: &str = "vertex-operations";
const SETTINGS: &str = "vertex-settings";
/// Operations kept: all are done when they are answered, so old ones are useless.
const OPERATIONS_MAX: usize = 1_000;

/// What was changed on a tuned model; everything else follows from its job.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ModelNote {
    /// `defaultCheckpointId`, if it is not the last one.
    pub(super) default_checkpoint: Option<String>,
    /// `versionAliases`, except `default`.
    pub(super) aliases: Vec<String>,
    /// `displayName`.
    pub(super) display_name: Option<String>,
    /// `description`.
    pub(super) description: Option<String>,
    /// `labels`.
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// Whether it was deleted.
    pub(super) deleted: bool,
    /// When it was last changed.
    pub(super) updated: Option<DateTime<Utc>>,
}

/// An endpoint that was created by a call, or that was changed after a job created it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EndpointRecord {
    /// The last segment of the name.
    pub(super) id: String,
    /// The project's number.
    pub(super) project: String,
    /// Its location.
    pub(super) location: String,
    /// `displayName`.
    pub(super) display_name: String,
    /// `description`.
    pub(super) description: String,
    /// `labels`.
    pub(super) labels: BTreeMap<String, String>,
    /// When it was created.
    pub(super) created: DateTime<Utc>,
    /// When it was last changed.
    pub(super) updated: DateTime<Utc>,
    /// Its model: a shared endpoint has at most one.
    pub(super) deployed: Option<Deployed>,
    /// Whether it was deleted.
    pub(super) deleted: bool,
}

/// A tuned model on an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    endpoints: BTreeMap<String, EndpointRecord>,
    operations: BTreeMap<String, Value>,
    /// How the emulator behaves.
    pub(super) settings: Settings,
}

impl State {
    /// Reads back what an earlier process left.
    pub(super) fn open(db: Db) -> Result<Self, db::Error> {
        Ok(Self {
            jobs: table(&db, JOBS)?,
            models: table(&db, MODELS)?,
            endpoints: table(&db, ENDPOINTS)?,
            operations: table(&db, OPERATIONS)?,
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

    /// The job that created the model `id`, and its state, if the model exists and is not deleted.
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
        self.has_model(job, &view).then_some((job, view))
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
            .filter(|(job, view)| self.has_model(job, view))
    }

    /// The model exists from its first checkpoint on.
    fn has_model(&self, job: &JobRecord, view: &JobView) -> bool {
        !view.checkpoints.is_empty() && !self.note(job).deleted
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
        let mut all: BTreeMap<String, EndpointRecord> = BTreeMap::new();
        let jobs = self.jobs.values().filter(|job| job.project == project);
        for job in jobs.filter(|job| job.serving_location() == location) {
            for endpoint in made_by(job, now) {
                all.insert(endpoint.id.clone(), endpoint);
            }
        }
        for endpoint in self.endpoints.values() {
            if endpoint.project == project && endpoint.location == location {
                all.insert(endpoint.id.clone(), endpoint.clone());
            }
        }
        let mut all: Vec<EndpointRecord> = all
            .into_values()
            .filter(|endpoint| !endpoint.deleted)
            .collect();
        all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        all
    }

    /// The operation `id`.
    pub(super) fn operation(&self, id: &str) -> Option<&Value> {
        self.operations.get(id)
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

    /// Stores `endpoint`.
    pub(super) fn put_endpoint(&mut self, endpoint: EndpointRecord) -> Result<(), Error> {
        self.write(ENDPOINTS, &endpoint.id, &endpoint)?;
        self.endpoints.insert(endpoint.id.clone(), endpoint);
        Ok(())
    }

    /// Stores an operation, and deletes the oldest one if there are too many.
    pub(super) fn put_operation(&mut self, id: &str, operation: Value) -> Result<(), Error> {
        if self.operations.len() >= OPERATIONS_MAX
            && let Some((oldest, _)) = self.operations.pop_first()
        {
            let delete = Change::Delete {
                table: OPERATIONS,
                key: oldest,
            };
            self.db.apply(vec![delete]).map_err(store_failed)?;
        }
        self.write(OPERATIONS, id, &operation)?;
        self.operations.insert(id.to_owned(), operation);
        Ok(())
    }

    /// Stores the settings.
    pub(super) fn put_settings(&mut self, settings: Settings) -> Result<(), Error> {
        self.write(SETTINGS, "", &settings)?;
        self.settings = settings;
        Ok(())
    }

    fn write(&self, table: &'static str, key: &str, value: &impl Serialize) -> Result<(), Error> {
        let value = serde_json::to_vec(value).map_err(store_failed)?;
        let put = Change::Put {
            table,
            key: key.to_owned(),
            value,
        };
        self.db.apply(vec![put]).map_err(store_failed)
    }
}

/// The endpoints that `job` has created itself.
fn made_by(job: &JobRecord, now: DateTime<Utc>) -> impl Iterator<Item = EndpointRecord> {
    observe(job, now).checkpoints.into_iter().map(|checkpoint| {
        let created = observe::step_at(job, checkpoint.step);
        EndpointRecord {
            id: job.endpoint_id(&checkpoint.id),
            project: job.project.clone(),
            location: job.serving_location().to_owned(),
            display_name: job.display_name.clone(),
            description: String::new(),
            labels: job.labels.clone(),
            created,
            updated: created,
            deployed: Some(Deployed {
                id: job.seed().named("deployed").named(&checkpoint.id).id(),
                job: job.id.clone(),
                checkpoint: checkpoint.id,
                created,
            }),
            deleted: false,
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
