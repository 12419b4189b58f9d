//! `models`: the results of tuning jobs, by the Model Registry's methods.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, VertexCall, invalid, not_found, time},
    create::labels,
    filter,
    observe::{JobView, step_at},
    protojson::string,
    record::JobRecord,
    render::described,
    state::{EndpointRecord, ModelNote, State},
    tuning::list_of,
};
use crate::rest::Error;

/// The alias of the only version, which it always has.
const DEFAULT_ALIAS: &str = "default";

impl Vertex {
    /// Calls on `…/models/M`, with or without a version.
    pub(super) fn model(&self, call: &VertexCall, id: &str) -> Result<Answer, Error> {
        let now = self.clock.now();
        let mut state = self.state();
        let (bare, version) = id.split_once('@').unwrap_or((id, "1"));
        let missing = || not_found(&format!("{}/models/{id}", call.parent()));
        let (job, view) = state
            .model(&call.project, &call.location, bare, now)
            .map(|(job, view)| (job.clone(), view))
            .ok_or_else(missing)?;
        let mut note = state.note(&job);
        if version != "1" && version != DEFAULT_ALIAS {
            return Err(missing());
        }
        match (call.method.as_str(), call.verb.as_str()) {
            ("GET", "") => {}
            ("GET", "listCheckpoints") => {
                return Ok(Answer::Json(list_of(
                    "checkpoints",
                    checkpoints(&view),
                    None,
                )));
            }
            ("PATCH", "") => {
                patch(&mut note, call, &view)?;
                note.updated = Some(now);
                state.put_note(&job.id, note)?;
            }
            _ => return Err(call.unimplemented()),
        }
        Ok(Answer::Json(model(&state, &job, &view, now)))
    }

    /// `GET …/models`: newest first.
    pub(super) fn list_models(&self, call: &VertexCall) -> Result<Answer, Error> {
        let now = self.clock.now();
        let state = self.state();
        let terms = filter::parse(call.param("filter"))?;
        let mut models: Vec<(&JobRecord, JobView)> = Vec::new();
        for (job, view) in state.models_of(&call.project, &call.location, now) {
            let note = state.note(job);
            let display_name = note.display_name.as_ref().unwrap_or(&job.display_name);
            if filter::pass(&terms, &labels_of(job, &note), display_name)? {
                models.push((job, view));
            }
        }
        models.sort_by(|(a, _), (b, _)| (b.created, &b.id).cmp(&(a.created, &a.id)));
        let (page, token) = call.page(models, |(job, _)| job.id.clone())?;
        let page = page
            .iter()
            .map(|(job, view)| model(&state, job, view, now))
            .collect();
        Ok(Answer::Json(list_of("models", page, token)))
    }
}

fn model(state: &State, job: &JobRecord, view: &JobView, now: DateTime<Utc>) -> Value {
    let note = state.note(job);
    let created = view
        .checkpoints
        .first()
        .map_or(job.created, |checkpoint| step_at(job, checkpoint.step));
    let deployed: Vec<Value> = deployed_to(state, job, now)
        .iter()
        .map(|endpoint| {
            json!({
                "endpoint": super::endpoints::name(endpoint),
                "deployedModelId": endpoint.deployed.id,
            })
        })
        .collect();
    let description = note.description.as_deref().unwrap_or(&job.description);
    json!({
        "name": job.model_name(),
        "displayName": note.display_name.as_ref().unwrap_or(&job.display_name),
        "description": described(description),
        "versionId": "1",
        "versionAliases": [DEFAULT_ALIAS],
        "createTime": time(created),
        "versionCreateTime": time(created),
        "updateTime": time(note.updated.unwrap_or(view.updated)),
        "labels": labels_of(job, &note),
        "checkpoints": checkpoints(view),
        "defaultCheckpointId": default_checkpoint(&note, view),
        "deployedModels": deployed,
        "metadata": { "simulated": true },
        "baseModelSource": { "modelGardenSource": {
            "publicModelName": format!("publishers/google/models/{}", job.base_model),
        }},
    })
}

/// The job's labels, and the label by which Google's own clients list tuned models.
fn labels_of(job: &JobRecord, note: &ModelNote) -> BTreeMap<String, String> {
    let mut labels = note.labels.as_ref().unwrap_or(&job.labels).clone();
    labels.insert(
        "google-vertex-llm-tuning-base-model-id".to_owned(),
        job.base_model.replace('.', "-"),
    );
    labels
}

fn checkpoints(view: &JobView) -> Vec<Value> {
    view.checkpoints
        .iter()
        .map(|checkpoint| {
            json!({
                "checkpointId": checkpoint.id,
                "epoch": checkpoint.epoch.to_string(),
                "step": checkpoint.step.to_string(),
            })
        })
        .collect()
}

fn default_checkpoint(note: &ModelNote, view: &JobView) -> Option<String> {
    let last = || {
        view.checkpoints
            .last()
            .map(|checkpoint| checkpoint.id.clone())
    };
    note.default_checkpoint.clone().or_else(last)
}

fn deployed_to(state: &State, job: &JobRecord, now: DateTime<Utc>) -> Vec<EndpointRecord> {
    let mut endpoints = state.endpoints_of(&job.project, job.serving_location(), now);
    endpoints.retain(|endpoint| endpoint.deployed.job == job.id);
    endpoints
}

fn patch(note: &mut ModelNote, call: &VertexCall, view: &JobView) -> Result<(), Error> {
    let mask = call.param("updateMask");
    if mask.is_empty() {
        return Err(invalid("`updateMask` is required."));
    }
    for path in mask.split(',').map(str::trim) {
        match path {
            "defaultCheckpointId" | "default_checkpoint_id" => {
                let id = string(&call.body, "defaultCheckpointId")?;
                if !view
                    .checkpoints
                    .iter()
                    .any(|checkpoint| checkpoint.id == id)
                {
                    return Err(invalid(format!("The model has no checkpoint `{id}`.")));
                }
                note.default_checkpoint = Some(id.to_owned());
            }
            "displayName" | "display_name" => {
                note.display_name = Some(string(&call.body, "displayName")?.to_owned());
            }
            "description" => note.description = Some(string(&call.body, "description")?.to_owned()),
            "labels" => note.labels = Some(labels(&call.body)?),
            other => return Err(invalid(format!("`{other}` cannot be updated."))),
        }
    }
    Ok(())
}
