//! `models`: the results of tuning jobs, by the Model Registry's methods.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Vertex,
    call::{Answer, RestCall, invalid, not_found, precondition, time},
    create::labels,
    filter,
    observe::{JobView, step_at},
    protojson::{field, string},
    record::JobRecord,
    render::described,
    state::{EndpointRecord, ModelNote, State},
    tuning::list_of,
};
use crate::rest::Error;

/// Aliases of one version.
const ALIASES_MAX: usize = 128;

/// The alias of the only version, which it always has.
const DEFAULT_ALIAS: &str = "default";

impl Vertex {
    /// Calls on `…/models/M`, with or without a version.
    pub(super) fn model(&self, call: &RestCall, id: &str) -> Result<Answer, Error> {
        let now = self.clock.now();
        let mut state = self.state();
        let (bare, version) = id.split_once('@').unwrap_or((id, "1"));
        let missing = || not_found(&format!("{}/models/{id}", call.parent()));
        let (job, view) = state
            .model(&call.project, &call.location, bare, now)
            .map(|(job, view)| (job.clone(), view))
            .ok_or_else(missing)?;
        let mut note = state.note(&job);
        if version != "1" && !aliases(&note).any(|alias| alias == version) {
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
            ("GET", "listVersions") => {
                let model = model(&state, &job, &view, now);
                return Ok(Answer::Json(list_of("models", vec![model], None)));
            }
            ("POST", "mergeVersionAliases") => {
                merge(&mut note, &call.body)?;
                note.updated = Some(now);
                state.put_note(&job.id, note)?;
            }
            ("PATCH", "") => {
                patch(&mut note, call, &view)?;
                note.updated = Some(now);
                state.put_note(&job.id, note)?;
            }
            ("DELETE", "" | "deleteVersion") => {
                if let Some(endpoint) = deployed_to(&state, &job, now).first() {
                    return Err(precondition(format!(
                        "The model is deployed at `{}`; undeploy it first.",
                        super::endpoints::name(endpoint)
                    )));
                }
                note.deleted = true;
                note.updated = Some(now);
                state.put_note(&job.id, note)?;
                return super::endpoints::done(
                    &mut state,
                    &format!("{}/models/{bare}", call.parent()),
                    "DeleteOperationMetadata",
                    &json!({ "@type": "type.googleapis.com/google.protobuf.Empty" }),
                    now,
                );
            }
            _ => return Err(call.unimplemented()),
        }
        Ok(Answer::Json(model(&state, &job, &view, now)))
    }

    /// `GET …/models`: newest first.
    pub(super) fn list_models(&self, call: &RestCall) -> Result<Answer, Error> {
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
                "deployedModelId": endpoint.deployed.as_ref().map(|model| &model.id),
            })
        })
        .collect();
    let description = note.description.as_deref().unwrap_or(&job.description);
    json!({
        "name": job.model_name(),
        "displayName": note.display_name.as_ref().unwrap_or(&job.display_name),
        "description": described(description),
        "versionId": "1",
        "versionAliases": aliases(&note).collect::<Vec<_>>(),
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

fn aliases(note: &ModelNote) -> impl Iterator<Item = &str> {
    std::iter::once(DEFAULT_ALIAS).chain(note.aliases.iter().map(String::as_str))
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
    endpoints.retain(|endpoint| {
        endpoint
            .deployed
            .as_ref()
            .is_some_and(|model| model.job == job.id)
    });
    endpoints
}

fn patch(note: &mut ModelNote, call: &RestCall, view: &JobView) -> Result<(), Error> {
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

fn merge(note: &mut ModelNote, body: &Value) -> Result<(), Error> {
    let asked = field(body, "versionAliases")
        .and_then(Value::as_array)
        .ok_or_else(|| invalid("`version_aliases` is required."))?;
    let mut aliases: BTreeSet<String> = note.aliases.iter().cloned().collect();
    for alias in asked {
        let alias = alias.as_str().unwrap_or("");
        let (removed, name) = match alias.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, alias),
        };
        if !is_alias(name) {
            return Err(invalid(format!("`{alias}` is not a version alias.")));
        }
        if removed && name == DEFAULT_ALIAS {
            return Err(invalid("The alias `default` can be moved, not removed."));
        }
        if removed {
            aliases.remove(name);
        } else if name != DEFAULT_ALIAS {
            aliases.insert(name.to_owned());
        }
    }
    if aliases.len() > ALIASES_MAX {
        return Err(invalid(format!("More than {ALIASES_MAX} aliases.")));
    }
    note.aliases = aliases.into_iter().collect();
    Ok(())
}

/// By the documented expression `[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]`.
fn is_alias(name: &str) -> bool {
    (2..=128).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
