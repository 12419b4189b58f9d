//! The body of a creation, validated as the service does before it accepts a job.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    call::{VertexCall, invalid, precondition},
    catalogue::{self, Model},
    protojson::{bool, double, field, int64, only, string},
};
use crate::rest::Error;

/// Where Gemini 3.x is tuned.
const LOCATIONS: [&str; 2] = ["us-central1", "europe-west4"];
/// Characters of `tunedModelDisplayName`.
const DISPLAY_NAME_MAX: usize = 128;
/// Labels of a resource.
const LABELS_MAX: usize = 64;
/// Characters of a label's key or value: "no longer than 64 characters".
const LABEL_MAX: usize = 64;
/// Epochs; the real limit is not documented, and a larger number is probably a mistake.
const EPOCHS_MAX: i64 = 10_000;
/// The adapter size if none is given.
const ADAPTER_DEFAULT: u8 = 4;

/// A valid creation.
#[derive(Debug)]
pub(super) struct NewJob {
    /// `baseModel`, by its short name.
    pub(super) base_model: String,
    /// `trainingDatasetUri`.
    pub(super) training_uri: String,
    /// `validationDatasetUri`.
    pub(super) validation_uri: Option<String>,
    /// `None` lets the service choose.
    pub(super) epochs: Option<u64>,
    /// `learningRateMultiplier`.
    pub(super) multiplier: f64,
    /// The adapter's size, not its enum number.
    pub(super) adapter: u8,
    /// `exportLastCheckpointOnly`.
    pub(super) last_checkpoint_only: bool,
    /// `tunedModelDisplayName`; `None` lets the service choose.
    pub(super) display_name: Option<String>,
    /// `description`.
    pub(super) description: String,
    /// `labels`.
    pub(super) labels: BTreeMap<String, String>,
    /// `serviceAccount`.
    pub(super) service_account: Option<String>,
}

/// Validates the body of a creation.
pub(super) fn read(call: &VertexCall, now: DateTime<Utc>) -> Result<NewJob, Error> {
    check_location(&call.location)?;
    let job = &call.body;
    only(
        job,
        "tuning_job",
        &[
            "name",
            "state",
            "baseModel",
            "supervisedTuningSpec",
            "tunedModelDisplayName",
            "description",
            "labels",
            "encryptionSpec",
            "serviceAccount",
            "preferenceOptimizationSpec",
            "reinforcementTuningSpec",
            "distillationSpec",
            "fullFineTuningSpec",
            "partnerModelTuningSpec",
            "veoTuningSpec",
            "veoLoraTuningSpec",
            "preTunedModel",
            "evaluationConfig",
            "outputUri",
            "customBaseModel",
        ],
    )?;
    check_served(job)?;
    let base_model = string(job, "baseModel")?.to_owned();
    let model = tunable(&base_model, call, now)?;
    let spec = field(job, "supervisedTuningSpec")
        .ok_or_else(|| invalid("A tuning spec is required: `supervised_tuning_spec`."))?;
    only(
        spec,
        "tuning_job.supervised_tuning_spec",
        &[
            "trainingDatasetUri",
            "validationDatasetUri",
            "hyperParameters",
            "exportLastCheckpointOnly",
            "evaluationConfig",
        ],
    )?;
    let empty = Value::Object(serde_json::Map::new());
    let hyper = field(spec, "hyperParameters").unwrap_or(&empty);
    only(
        hyper,
        "tuning_job.supervised_tuning_spec.hyper_parameters",
        &["epochCount", "learningRateMultiplier", "adapterSize"],
    )?;
    Ok(NewJob {
        training_uri: gs_uri(spec, "trainingDatasetUri")?
            .ok_or_else(|| invalid("`training_dataset_uri` is required."))?,
        validation_uri: gs_uri(spec, "validationDatasetUri")?,
        epochs: epochs(hyper)?,
        multiplier: multiplier(hyper)?,
        adapter: adapter(hyper, model)?,
        last_checkpoint_only: bool(spec, "exportLastCheckpointOnly")?,
        display_name: display_name(job)?,
        description: string(job, "description")?.to_owned(),
        labels: labels(job)?,
        service_account: Some(string(job, "serviceAccount")?.to_owned())
            .filter(|account| !account.is_empty()),
        base_model: model.id.clone(),
    })
}

fn check_location(location: &str) -> Result<(), Error> {
    if LOCATIONS.contains(&location) {
        return Ok(());
    }
    let message = format!(
        "Gemini tuning is not available in `{location}`; supported are {}.",
        LOCATIONS.join(" and ")
    );
    Err(if location == "global" {
        precondition(message)
    } else {
        invalid(message)
    })
}

/// Refuses what this emulator does not serve, and what the service refuses as well.
fn check_served(job: &Value) -> Result<(), Error> {
    if field(job, "preferenceOptimizationSpec").is_some() {
        return Err(invalid(
            "Preference tuning (`preference_optimization_spec`) is not available for Gemini 3.x.",
        ));
    }
    if field(job, "encryptionSpec").is_some() {
        return Err(invalid(
            "CMEK (`encryption_spec`) is not supported for Gemini 3.x tuning.",
        ));
    }
    let unserved = [
        "reinforcementTuningSpec",
        "distillationSpec",
        "fullFineTuningSpec",
        "partnerModelTuningSpec",
        "veoTuningSpec",
        "veoLoraTuningSpec",
        "preTunedModel",
        "customBaseModel",
    ];
    match unserved.iter().find(|name| field(job, name).is_some()) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            "UNIMPLEMENTED",
            format!("the emulator does not serve `{name}`"),
        )),
    }
}

fn tunable(name: &str, call: &VertexCall, now: DateTime<Utc>) -> Result<&'static Model, Error> {
    if name.is_empty() {
        return Err(invalid("`base_model` is required."));
    }
    // The long form is accepted as well: publishers/google/models/M.
    let id = name.rsplit_once("models/").map_or(name, |(_, id)| id);
    let model = catalogue::find(id).ok_or_else(|| {
        invalid(format!(
            "Base model `{name}` is unknown; tunable are {}.",
            catalogue::tunable(now)
        ))
    })?;
    if model.is_retired(now) {
        return Err(Error::new("NOT_FOUND", unavailable(call, id)));
    }
    if !model.is_tunable() {
        return Err(invalid(format!(
            "Base model `{name}` does not support tuning; tunable are {}.",
            catalogue::tunable(now)
        )));
    }
    Ok(model)
}

/// The message of a 404 for a publisher's model.
pub(super) fn unavailable(call: &VertexCall, id: &str) -> String {
    format!(
        "Publisher Model `{}/publishers/google/models/{id}` was not found or your project does not have access to it.",
        call.parent()
    )
}

fn gs_uri(spec: &Value, name: &str) -> Result<Option<String>, Error> {
    let uri = string(spec, name)?;
    if uri.is_empty() {
        return Ok(None);
    }
    match bucket_and_object(uri) {
        Some(_) => Ok(Some(uri.to_owned())),
        None => Err(invalid(format!(
            "`{uri}` is not a Cloud Storage URI of the form gs://bucket/object."
        ))),
    }
}

/// The parts of `gs://bucket/object`.
pub(super) fn bucket_and_object(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix("gs://")?
        .split_once('/')
        .filter(|(bucket, object)| !bucket.is_empty() && !object.is_empty())
}

fn epochs(hyper: &Value) -> Result<Option<u64>, Error> {
    match int64(hyper, "epochCount")? {
        None | Some(0) => Ok(None),
        Some(epochs @ 1..=EPOCHS_MAX) => Ok(u64::try_from(epochs).ok()),
        Some(epochs) => Err(invalid(format!(
            "`epoch_count` must be from 1 to {EPOCHS_MAX}, not {epochs}."
        ))),
    }
}

fn multiplier(hyper: &Value) -> Result<f64, Error> {
    match double(hyper, "learningRateMultiplier")? {
        None => Ok(1.0),
        Some(multiplier) if multiplier.is_finite() && multiplier > 0.0 => Ok(multiplier),
        Some(multiplier) => Err(invalid(format!(
            "`learning_rate_multiplier` must be greater than 0, not {multiplier}."
        ))),
    }
}

fn adapter(hyper: &Value, model: &Model) -> Result<u8, Error> {
    // The numbers of the enum are neither the sizes nor in the order of the sizes.
    let (name, size) = match field(hyper, "adapterSize") {
        None => return Ok(ADAPTER_DEFAULT),
        Some(value) => match (value.as_i64(), value.as_str()) {
            (Some(0), _) | (_, Some("ADAPTER_SIZE_UNSPECIFIED")) => return Ok(ADAPTER_DEFAULT),
            (Some(1), _) | (_, Some("ADAPTER_SIZE_ONE")) => ("ADAPTER_SIZE_ONE", 1),
            (Some(6), _) | (_, Some("ADAPTER_SIZE_TWO")) => ("ADAPTER_SIZE_TWO", 2),
            (Some(2), _) | (_, Some("ADAPTER_SIZE_FOUR")) => ("ADAPTER_SIZE_FOUR", 4),
            (Some(3), _) | (_, Some("ADAPTER_SIZE_EIGHT")) => ("ADAPTER_SIZE_EIGHT", 8),
            (Some(4), _) | (_, Some("ADAPTER_SIZE_SIXTEEN")) => ("ADAPTER_SIZE_SIXTEEN", 16),
            (Some(5), _) | (_, Some("ADAPTER_SIZE_THIRTY_TWO")) => ("ADAPTER_SIZE_THIRTY_TWO", 32),
            _ => {
                return Err(invalid(format!(
                    "Invalid value at 'adapter_size': {value}."
                )));
            }
        },
    };
    if model.adapter_sizes.contains(&size) {
        Ok(size)
    } else {
        Err(invalid(format!(
            "`{name}` is not supported for `{}`.",
            model.id
        )))
    }
}

/// The enum's name for an adapter of `size`.
pub(super) fn adapter_name(size: u8) -> &'static str {
    match size {
        1 => "ADAPTER_SIZE_ONE",
        2 => "ADAPTER_SIZE_TWO",
        4 => "ADAPTER_SIZE_FOUR",
        8 => "ADAPTER_SIZE_EIGHT",
        16 => "ADAPTER_SIZE_SIXTEEN",
        32 => "ADAPTER_SIZE_THIRTY_TWO",
        _ => "ADAPTER_SIZE_UNSPECIFIED",
    }
}

fn display_name(job: &Value) -> Result<Option<String>, Error> {
    let name = string(job, "tunedModelDisplayName")?;
    if name.chars().count() > DISPLAY_NAME_MAX {
        return Err(invalid(format!(
            "`tuned_model_display_name` has more than {DISPLAY_NAME_MAX} characters."
        )));
    }
    Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
}

/// The field `labels` of a resource.
pub(super) fn labels(resource: &Value) -> Result<BTreeMap<String, String>, Error> {
    let Some(labels) = field(resource, "labels") else {
        return Ok(BTreeMap::new());
    };
    let labels: BTreeMap<String, String> = serde_json::from_value(labels.clone())
        .map_err(|_not_strings| invalid("`labels` must map strings to strings."))?;
    if labels.len() > LABELS_MAX {
        return Err(invalid(format!("More than {LABELS_MAX} labels.")));
    }
    for (key, value) in &labels {
        let begins_well = key.chars().next().is_some_and(char::is_alphabetic);
        if !begins_well || !is_label(key) || !is_label(value) {
            return Err(invalid(format!(
                "The label `{key}`: `{value}` is not valid: lower-case letters, digits, `_` and `-`, at most {LABEL_MAX} characters."
            )));
        }
    }
    Ok(labels)
}

fn is_label(text: &str) -> bool {
    text.chars().count() <= LABEL_MAX
        && text.chars().all(|character| {
            character == '_'
                || character == '-'
                || (character.is_alphanumeric() && !character.is_uppercase())
        })
}
