//! `tuningJobs`: create, get, list, cancel.

use std::cmp::Reverse;

use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, VertexCall, invalid, not_found},
    create::{self, NewJob},
    dataset::{self, DatasetReport},
    filter::{self, FilterTerm},
    number::{Seed, count},
    observe::{JobView, observe},
    quota,
    record::JobRecord,
    render,
    settings::OverQuota,
    state::State,
};
use crate::rest::Error;

/// Rows that the service aims at over all epochs if none are requested: 166 rows became 40 epochs.
const DEFAULT_ROWS_IN_ALL: u64 = 6_640;
/// The maximum of epochs that it then chooses.
const DEFAULT_EPOCHS_MAX: u64 = 40;

impl Vertex {
    /// `POST …/tuningJobs`. The data is read at once; its errors appear when the job has "read" it.
    pub(super) async fn create_job(&self, call: &VertexCall) -> Result<Answer, Error> {
        let new_job = create::read(call, self.clock.now())?;
        let training = self.object(&new_job.training_uri)?;
        let validation = new_job
            .validation_uri
            .as_deref()
            .map(|uri| self.object(uri))
            .transpose()?;
        // A large file takes longer to read than a request may block its thread.
        let report =
            tokio::task::spawn_blocking(move || dataset::inspect(&training, validation.as_deref()))
                .await
                .map_err(|error| Error::new("INTERNAL", error.to_string()))?;

        let now = self.clock.now();
        let mut state = self.state();
        let limit = state.settings.concurrent_jobs;
        let in_project = state
            .jobs
            .values()
            .filter(|job| job.project == call.project);
        let is_over = quota::held(in_project, now) >= limit;
        if is_over && state.settings.over_quota == OverQuota::Reject {
            return Err(over_quota(limit));
        }
        let seed = Seed::of(call.project.as_bytes())
            .with(count(state.jobs.len()))
            .named(&now.to_rfc3339());
        let mut job = record(call, new_job, report, seed.id(), now);
        job.seconds_per_step = state.settings.seconds_per_step;
        if is_over {
            // In the far future until a slot is assigned, one line below.
            job.slot_at = now + TimeDelta::days(3650);
        }
        let id = job.id.clone();
        state.put_job(job)?;
        state.reschedule(&call.project, now)?;
        let job = state.jobs.get(&id).ok_or_else(|| not_found(&id))?;
        tracing::info!(job.id = %id, job.rows = job.report.rows, "accepted tuning job {id}");
        Ok(Answer::Json(shown(
            &state,
            job,
            &observe(job, now),
            call.beta,
        )))
    }

    /// `GET …/tuningJobs/ID`.
    pub(super) fn get_job(&self, call: &VertexCall, id: &str) -> Result<Answer, Error> {
        let state = self.state();
        let job = find(&state, call, id)?;
        Ok(Answer::Json(shown(
            &state,
            job,
            &observe(job, self.clock.now()),
            call.beta,
        )))
    }

    /// `GET …/tuningJobs`: newest first.
    pub(super) fn list_jobs(&self, call: &VertexCall) -> Result<Answer, Error> {
        let terms = filter::parse(call.param("filter"))?;
        let now = self.clock.now();
        let state = self.state();
        let lag = TimeDelta::seconds(state.settings.list_lag_s.into());
        let mut jobs: Vec<(&JobRecord, JobView)> = Vec::new();
        // Without a lag everything is listed, even jobs that an earlier, faster clock dated ahead.
        for job in state.jobs.values() {
            if job.project == call.project
                && job.location == call.location
                && (lag.is_zero() || job.created + lag <= now)
            {
                let view = observe(job, now);
                if passes(&terms, job, &view)? {
                    jobs.push((job, view));
                }
            }
        }
        jobs.sort_by_key(|(job, _)| (Reverse(job.created), job.id.clone()));
        let (page, token) = call.page(jobs, |(job, _)| job.id.clone())?;
        let page: Vec<Value> = page
            .iter()
            .map(|(job, view)| shown(&state, job, view, call.beta))
            .collect();
        Ok(Answer::Json(list_of("tuningJobs", page, token)))
    }

    /// `POST …/tuningJobs/ID:cancel`: the first call counts; later or late ones have no effect.
    pub(super) fn cancel_job(&self, call: &VertexCall, id: &str) -> Result<Answer, Error> {
        let now = self.clock.now();
        let mut state = self.state();
        let mut job = find(&state, call, id)?.clone();
        if job.cancel_at.is_none() && !observe(&job, now).phase.is_terminal() {
            job.cancel_at = Some(now);
            state.put_job(job)?;
            state.reschedule(&call.project, now)?;
        }
        Ok(Answer::Json(json!({})))
    }

    /// The bytes of a `gs://` object; an unreadable object is the caller's error.
    pub(super) fn object(&self, uri: &str) -> Result<Bytes, Error> {
        create::bucket_and_object(uri)
            .and_then(|(bucket, object)| (self.read)(bucket, object))
            .ok_or_else(|| {
                invalid(format!(
                    "The dataset `{uri}` cannot be read: the object does not exist, or the tuning service agent has no `storage.objects.get` on it."
                ))
            })
    }
}

/// A page of a list as JSON; an empty list has no field, as in proto-JSON.
pub(super) fn list_of(name: &str, items: Vec<Value>, token: Option<String>) -> Value {
    let mut list = serde_json::Map::new();
    if !items.is_empty() {
        list.insert(name.to_owned(), items.into());
    }
    if let Some(token) = token {
        list.insert("nextPageToken".to_owned(), token.into());
    }
    list.into()
}

fn find<'a>(state: &'a State, call: &VertexCall, id: &str) -> Result<&'a JobRecord, Error> {
    state
        .job(&call.project, &call.location, id)
        .ok_or_else(|| not_found(&format!("{}/tuningJobs/{id}", call.parent())))
}

fn shown(state: &State, job: &JobRecord, view: &JobView, beta: bool) -> Value {
    render::tuning_job(job, view, &state.note(job), beta)
}

fn record(
    call: &VertexCall,
    new_job: NewJob,
    report: DatasetReport,
    id: String,
    now: chrono::DateTime<chrono::Utc>,
) -> JobRecord {
    let default_epochs = (DEFAULT_ROWS_IN_ALL / report.rows.max(1)).clamp(1, DEFAULT_EPOCHS_MAX);
    JobRecord {
        display_name: new_job
            .display_name
            .unwrap_or_else(|| format!("tuned-{id}")),
        id,
        project: call.project.clone(),
        location: call.location.clone(),
        created: now,
        slot_at: now,
        cancel_at: None,
        base_model: new_job.base_model,
        training_uri: new_job.training_uri,
        validation_uri: new_job.validation_uri,
        epochs: new_job.epochs.unwrap_or(default_epochs),
        multiplier: new_job.multiplier,
        adapter: new_job.adapter,
        last_checkpoint_only: new_job.last_checkpoint_only,
        description: new_job.description,
        labels: new_job.labels,
        service_account: new_job.service_account,
        report,
        seconds_per_step: None,
    }
}

fn over_quota(limit: usize) -> Error {
    Error::new(
        "RESOURCE_EXHAUSTED",
        format!(
            "Quota exceeded for quota metric `global_concurrent_tuning_jobs` (limit {limit}) of service `aiplatform.googleapis.com`. Wait for a running tuning job to end (simulated)."
        ),
    )
}

fn passes(terms: &[FilterTerm], job: &JobRecord, view: &JobView) -> Result<bool, Error> {
    for term in terms {
        let found = match term.field.as_str() {
            "state" => Some(view.phase.state()),
            "base_model" | "baseModel" => Some(job.base_model.as_str()),
            "display_name" | "tuned_model_display_name" | "tunedModelDisplayName" => {
                Some(job.display_name.as_str())
            }
            field => match field.strip_prefix("labels.") {
                Some(key) => job.labels.get(key).map(String::as_str),
                None => return Err(invalid(format!("cannot filter by `{field}`"))),
            },
        };
        if !term.passes(found) {
            return Ok(false);
        }
    }
    Ok(true)
}
