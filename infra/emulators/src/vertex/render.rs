//! A tuning job as JSON.

use serde_json::{Map, Value, json};

use super::{
    call::time,
    create::adapter_name,
    observe::{JobView, Phase},
    record::JobRecord,
    state::ModelNote,
};

/// The end of every description.
pub(super) const SIMULATED: &str = "[simulated by Lapidary's emulator: nothing is trained]";

/// `job` as in `v1`, or as in `v1beta1`, which has a sub-state.
pub(super) fn tuning_job(job: &JobRecord, view: &JobView, note: &ModelNote, beta: bool) -> Value {
    let mut json = json!({
        "name": job.name(),
        "tunedModelDisplayName": job.display_name,
        "description": described(&job.description),
        "baseModel": job.base_model,
        "supervisedTuningSpec": spec(job),
        "state": view.phase.state(),
        "createTime": time(job.created),
        "updateTime": time(view.updated),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let (Some(object), Some(value)) = (json.as_object_mut(), value) {
            object.insert(name.to_owned(), value);
        }
    };
    set(
        "labels",
        (!job.labels.is_empty()).then(|| json!(job.labels)),
    );
    set(
        "serviceAccount",
        job.service_account.clone().map(Value::from),
    );
    set("startTime", view.started.map(|at| time(at).into()));
    set("endTime", view.ended.map(|at| time(at).into()));
    set(
        "experiment",
        view.started.map(|_| {
            format!(
                "{}/metadataStores/default/contexts/{}",
                job.parent(),
                job.experiment_id()
            )
            .into()
        }),
    );
    set(
        "error",
        view.failure
            .as_ref()
            .map(|(code, message)| json!({ "code": code, "message": message })),
    );
    set("tunedModel", tuned_model(job, view, note));
    set("tuningDataStats", view.dataset_read.then(|| stats(job)));
    if beta {
        set("tuningJobState", view.phase.detail().map(Value::from));
        set(
            "tuningJobMetadata",
            (view.steps > 0).then(|| json!({ "completedEpochCount": view.epochs.to_string() })),
        );
    }
    json
}

/// A description that is marked as simulated.
pub(super) fn described(description: &str) -> String {
    if description.is_empty() {
        SIMULATED.to_owned()
    } else {
        format!("{description} {SIMULATED}")
    }
}

fn spec(job: &JobRecord) -> Value {
    let mut spec = Map::new();
    spec.insert(
        "trainingDatasetUri".to_owned(),
        job.training_uri.clone().into(),
    );
    if let Some(uri) = &job.validation_uri {
        spec.insert("validationDatasetUri".to_owned(), uri.clone().into());
    }
    spec.insert(
        "hyperParameters".to_owned(),
        json!({
            "epochCount": job.epochs.to_string(),
            "learningRateMultiplier": job.multiplier,
            "adapterSize": adapter_name(job.adapter),
        }),
    );
    if job.last_checkpoint_only {
        spec.insert("exportLastCheckpointOnly".to_owned(), true.into());
    }
    spec.into()
}

fn tuned_model(job: &JobRecord, view: &JobView, note: &ModelNote) -> Option<Value> {
    if view.checkpoints.is_empty() {
        return None;
    }
    let mut tuned = Map::new();
    tuned.insert("model".to_owned(), format!("{}@1", job.model_name()).into());
    if view.phase == Phase::Succeeded {
        let last = job.last_checkpoint().id;
        let default = note.default_checkpoint.as_ref().unwrap_or(&last);
        tuned.insert("endpoint".to_owned(), job.endpoint_name(default).into());
    }
    if !job.last_checkpoint_only {
        let checkpoints: Vec<Value> = view
            .checkpoints
            .iter()
            .map(|checkpoint| {
                json!({
                    "checkpointId": checkpoint.id,
                    "epoch": checkpoint.epoch.to_string(),
                    "step": checkpoint.step.to_string(),
                    "endpoint": job.endpoint_name(&checkpoint.id),
                })
            })
            .collect();
        tuned.insert("checkpoints".to_owned(), checkpoints.into());
    }
    Some(tuned.into())
}

fn stats(job: &JobRecord) -> Value {
    let report = &job.report;
    let (rows, reasons): (Vec<String>, Vec<&String>) = report
        .dropped_sample
        .iter()
        .map(|(row, reason)| (row.to_string(), reason))
        .unzip();
    let shown: Vec<Value> = report
        .shown
        .iter()
        .filter_map(|row| serde_json::from_str::<Value>(row).ok())
        .filter_map(|row| row.get("contents")?.get(0).cloned())
        .collect();
    let steps = if report.fatal.is_some() {
        0
    } else {
        job.total_steps()
    };
    json!({ "supervisedTuningDataStats": {
        "tuningDatasetExampleCount": report.rows.to_string(),
        "totalTuningCharacterCount": report.characters.to_string(),
        "totalBillableCharacterCount": report.characters.to_string(),
        "totalBillableTokenCount": report.billable_tokens().to_string(),
        "tuningStepCount": steps.to_string(),
        "userInputTokenDistribution": report.input_tokens.to_json(),
        "userOutputTokenDistribution": report.output_tokens.to_json(),
        "userMessagePerExampleDistribution": report.messages.to_json(),
        "userDatasetExamples": shown,
        "totalTruncatedExampleCount": report.dropped.to_string(),
        "truncatedExampleIndices": rows,
        "droppedExampleReasons": reasons,
    }})
}
