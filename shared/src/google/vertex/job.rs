//! A tuning job: the request that creates one, and the resource that the service returns.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::{
    checkpoint::Checkpoint,
    id::{RunId, digest},
    job_state::{JobPhase, JobState},
    run::{Job, TuningPlan},
    uri::GcsUri,
};

/// The label that says which run a job belongs to: how a lost job is found again.
pub(super) const RUN_LABEL: &str = "lapidary_run";
/// The label that says which attempt of its run a job belongs to; without it, the first one.
pub(super) const ATTEMPT_LABEL: &str = "lapidary_attempt";
/// The label that all jobs of Lapidary carry, and its value.
pub(super) const APP_LABEL: &str = "app";
pub(super) const APP: &str = "lapidary";

/// A job to be created.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// The run that it belongs to.
    pub run: &'a RunId,
    /// The attempt of that run, from 1.
    pub attempt: u32,
    /// The base model and the hyper-parameters.
    pub plan: &'a TuningPlan,
    /// The rows to train on.
    pub train: &'a GcsUri,
    /// The rows to measure the evaluation loss on.
    pub validation: Option<&'a GcsUri>,
}

impl NewJob<'_> {
    /// The request, as it is sent.
    pub fn body(&self) -> Value {
        let size = match self.plan.adapter_size {
            1 => "ONE",
            2 => "TWO",
            4 => "FOUR",
            8 => "EIGHT",
            _ => "SIXTEEN",
        };
        let mut spec = json!({
            "trainingDatasetUri": self.train.to_string(),
            "hyperParameters": {
                // int64 is a string in Google's JSON.
                "epochCount": self.plan.epochs.to_string(),
                "learningRateMultiplier": self.plan.learning_rate_multiplier,
                "adapterSize": format!("ADAPTER_SIZE_{size}"),
            },
            "exportLastCheckpointOnly": false,
        });
        if let (Some(validation), Some(spec)) = (self.validation, spec.as_object_mut()) {
            spec.insert(
                "validationDatasetUri".to_owned(),
                validation.to_string().into(),
            );
        }
        json!({
            "baseModel": self.plan.base_model,
            "supervisedTuningSpec": spec,
            "tunedModelDisplayName": self.run.to_string(),
            "description": "Submitted by Lapidary.",
            "labels": {
                RUN_LABEL: self.run.to_string(),
                ATTEMPT_LABEL: self.attempt.to_string(),
                APP_LABEL: APP,
            },
        })
    }
}

/// A job as the service returns it; only the fields that Lapidary reads.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TuningJob {
    /// Resource name.
    pub name: String,
    /// Its state.
    #[serde(default)]
    pub state: JobState,
    /// v1beta1: what it does while it runs.
    #[serde(default)]
    pub tuning_job_state: Option<JobPhase>,
    /// When it was created.
    #[serde(default)]
    pub create_time: Option<DateTime<Utc>>,
    #[serde(default)]
    start_time: Option<DateTime<Utc>>,
    #[serde(default)]
    end_time: Option<DateTime<Utc>>,
    #[serde(default)]
    error: Option<JobError>,
    /// The context that leads to the curves.
    #[serde(default)]
    pub experiment: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default, rename = "tuningJobMetadata")]
    metadata: Option<Metadata>,
    #[serde(default)]
    tuned_model: Option<TunedModel>,
    #[serde(default)]
    tuning_data_stats: Option<DataStats>,
    #[serde(skip)]
    digest: String,
}

#[derive(Debug, Clone, Deserialize)]
struct JobError {
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default, deserialize_with = "int64")]
    completed_epoch_count: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct TunedModel {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    endpoint: Option<String>,
    #[serde(default)]
    checkpoints: Vec<CheckpointResource>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointResource {
    checkpoint_id: String,
    #[serde(default, deserialize_with = "int64")]
    epoch: Option<u64>,
    #[serde(default, deserialize_with = "int64")]
    step: Option<u64>,
    #[serde(default)]
    endpoint: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataStats {
    #[serde(default)]
    supervised_tuning_data_stats: SupervisedStats,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SupervisedStats {
    #[serde(default, deserialize_with = "int64")]
    total_billable_token_count: Option<u64>,
    #[serde(default, deserialize_with = "int64")]
    tuning_step_count: Option<u64>,
    #[serde(default, deserialize_with = "int64")]
    total_truncated_example_count: Option<u64>,
    #[serde(default)]
    dropped_example_reasons: Vec<String>,
}

impl TuningJob {
    /// Reads a job as the service wrote it, and keeps the digest of that.
    ///
    /// # Errors
    ///
    /// Where a field that is read has another type than the API documents.
    pub fn read(mut json: Value) -> serde_json::Result<Self> {
        let mut job = Self::deserialize(&json)?;
        if let Some(fields) = json.as_object_mut() {
            // The first has the project by id in one answer and by number in another; the second changes
            // although nothing else does.
            for field in ["name", "updateTime"] {
                fields.remove(field);
            }
        }
        job.digest = digest(&[&json.to_string()]);
        Ok(job)
    }

    /// The digest of all that the service said of the job, but for its name and the time of the answer.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether it carries the label of `run`.
    pub(super) fn is_of(&self, run: &RunId) -> bool {
        self.labels.get(RUN_LABEL).map(String::as_str) == Some(run.as_str())
    }

    /// Whether Lapidary created it.
    pub(super) fn is_ours(&self) -> bool {
        self.labels.get(APP_LABEL).map(String::as_str) == Some(APP)
    }

    /// The run that its label names; `None` where that is not the id of a run.
    pub fn run(&self) -> Option<RunId> {
        self.labels.get(RUN_LABEL)?.parse().ok()
    }

    /// The attempt of its run that it belongs to; without a label, the first one.
    pub fn attempt(&self) -> u32 {
        let label = self.labels.get(ATTEMPT_LABEL);
        label.and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// Whether nothing more happens to it.
    pub fn is_final(&self) -> bool {
        self.state.is_final()
    }

    /// What a run's document stores of it; `before` is what it has stored so far.
    pub fn record(&self, before: Option<&Job>, now: DateTime<Utc>) -> Job {
        let stats = self
            .tuning_data_stats
            .clone()
            .map(|stats| stats.supervised_tuning_data_stats)
            .unwrap_or_default();
        let tuned = self.tuned_model.clone();
        let checkpoints = tuned.as_ref().map(|tuned| tuned.checkpoints.clone());
        let same =
            before.filter(|job| job.state == self.state && job.sub_state == self.tuning_job_state);
        Job {
            name: self.name.clone(),
            state: self.state.clone(),
            sub_state: self.tuning_job_state.clone(),
            state_since: same.map_or(Some(now), |job| job.state_since),
            started_at: self.start_time,
            ended_at: self.end_time,
            error_code: self.error.as_ref().and_then(|error| error.code),
            error: self.error.clone().map(|error| error.message),
            completed_epochs: self
                .metadata
                .as_ref()
                .and_then(|metadata| metadata.completed_epoch_count)
                .and_then(|count| u32::try_from(count).ok()),
            steps_total: stats.tuning_step_count,
            billable_tokens: stats.total_billable_token_count,
            dropped_rows: stats.total_truncated_example_count,
            dropped_reasons: stats.dropped_example_reasons,
            model: tuned.as_ref().and_then(|tuned| filled(tuned.model.clone())),
            endpoint: tuned.and_then(|tuned| filled(tuned.endpoint)),
            checkpoints: checkpoints
                .unwrap_or_default()
                .into_iter()
                .map(|found| Checkpoint {
                    id: found.checkpoint_id,
                    epoch: found.epoch.unwrap_or_default(),
                    step: found.step.unwrap_or_default(),
                    endpoint: filled(found.endpoint),
                })
                .collect(),
        }
    }
}

/// The text, unless it is empty: Google's JSON may write an absent string so.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Reads an int64, which is a string in Google's JSON and a number in others'.
fn int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(whole))
}

/// A whole number, written either way.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_job_can_still_own_a_model() {
        let failed: TuningJob = serde_json::from_value(json!({
            "name": "projects/1/locations/us-central1/tuningJobs/2",
            "state": "JOB_STATE_FAILED",
            "createTime": "2026-11-22T10:00:00.123456Z",
            "error": {"code": 13, "message": "Failed to create endpoint."},
            "tunedModel": {"model": "projects/1/locations/us/models/3@1", "endpoint": ""},
            "tuningDataStats": {"supervisedTuningDataStats": {
                "totalBillableTokenCount": "255243", "tuningStepCount": "10"}},
        }))
        .unwrap();
        let job = failed.record(None, DateTime::UNIX_EPOCH);
        assert_eq!(job.billable_tokens, Some(255_243));
        assert_eq!((job.model.is_some(), job.endpoint), (true, None));
    }

    #[test]
    fn the_body_asks_for_what_the_plan_has() {
        let plan = TuningPlan {
            base_model: "gemini-3.1-flash-lite".to_owned(),
            region: "us-central1".to_owned(),
            epochs: 3,
            learning_rate_multiplier: 1.0,
            adapter_size: 2,
        };
        let job = NewJob {
            run: &"a-b-c".parse().unwrap(),
            attempt: 2,
            plan: &plan,
            train: &"gs://b/train.jsonl".parse().unwrap(),
            validation: None,
        };
        insta::assert_json_snapshot!(job.body(), @r#"
        {
          "baseModel": "gemini-3.1-flash-lite",
          "description": "Submitted by Lapidary.",
          "labels": {
            "app": "lapidary",
            "lapidary_attempt": "2",
            "lapidary_run": "a-b-c"
          },
          "supervisedTuningSpec": {
            "exportLastCheckpointOnly": false,
            "hyperParameters": {
              "adapterSize": "ADAPTER_SIZE_TWO",
              "epochCount": "3",
              "learningRateMultiplier": 1.0
            },
            "trainingDatasetUri": "gs://b/train.jsonl"
          },
          "tunedModelDisplayName": "a-b-c"
        }
        "#);
    }
}
