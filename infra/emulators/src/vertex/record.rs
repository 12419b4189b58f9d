//! The record of a tuning job: the request, the contents of the data, and the times of cancellation.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    dataset::DatasetReport,
    losses::{Curves, TrainingPlan},
    number::{Seed, real, whole},
};

/// Examples per step. Google documents no batch size; only the number of steps depends on it.
pub(super) const BATCH: u64 = 8;
/// Checkpoints of a run with more epochs than that: "about 10, evenly spread".
const CHECKPOINTS_MAX: u64 = 10;
/// Seconds of the shortest tuning phase.
const TUNING_MIN_S: f64 = 1_200.0;
/// Seconds added for a run of very many steps.
const TUNING_MORE_S: f64 = 1_200.0;
/// Steps at which half of that is added.
const TUNING_HALF_STEPS: f64 = 500.0;

/// A tuning job. Its state is not in it: see [`super::observe`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct JobRecord {
    /// The last segment of the name.
    pub(super) id: String,
    /// The project's number.
    pub(super) project: String,
    /// The region that tunes.
    pub(super) location: String,
    /// When it was created.
    pub(super) created: DateTime<Utc>,
    /// When a slot of the quota is free for it.
    pub(super) slot_at: DateTime<Utc>,
    /// When it was asked to cancel.
    pub(super) cancel_at: Option<DateTime<Utc>>,
    /// `baseModel`.
    pub(super) base_model: String,
    /// `supervisedTuningSpec.trainingDatasetUri`.
    pub(super) training_uri: String,
    /// `supervisedTuningSpec.validationDatasetUri`.
    pub(super) validation_uri: Option<String>,
    /// `epochCount`, as requested or as chosen.
    pub(super) epochs: u64,
    /// `learningRateMultiplier`.
    pub(super) multiplier: f64,
    /// The adapter's size, not its enum number.
    pub(super) adapter: u8,
    /// `exportLastCheckpointOnly`.
    pub(super) last_checkpoint_only: bool,
    /// `tunedModelDisplayName`.
    pub(super) display_name: String,
    /// `description`.
    pub(super) description: String,
    /// `labels`.
    pub(super) labels: BTreeMap<String, String>,
    /// `serviceAccount`.
    pub(super) service_account: Option<String>,
    /// The contents of the data.
    pub(super) report: DatasetReport,
    /// Simulated seconds per step, if a control call set it.
    pub(super) seconds_per_step: Option<f64>,
}

/// A point of the run at which the weights are saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Counted from "1".
    pub(super) id: String,
    /// Whole epochs done.
    pub(super) epoch: u64,
    /// Steps done.
    pub(super) step: u64,
}

impl JobRecord {
    /// The root of every number that is derived from this job.
    pub(super) fn seed(&self) -> Seed {
        Seed::of(self.id.as_bytes())
    }

    /// Steps of one epoch.
    pub(super) fn epoch_steps(&self) -> u64 {
        self.report.rows.div_ceil(BATCH).max(1)
    }

    /// Steps of the whole run.
    pub(super) fn total_steps(&self) -> u64 {
        self.epoch_steps().saturating_mul(self.epochs)
    }

    /// Simulated seconds of one step.
    pub(super) fn step_s(&self) -> f64 {
        self.seconds_per_step.unwrap_or_else(|| {
            let steps = real(self.total_steps());
            let tuning_s = TUNING_MIN_S + TUNING_MORE_S * steps / (steps + TUNING_HALF_STEPS);
            tuning_s / steps
        })
    }

    /// The loss curves of this run.
    pub(super) fn curves(&self) -> Curves {
        Curves::of(TrainingPlan {
            // Equal data and plans give equal curves, whichever job runs them.
            seed: self.report.digest.with(self.epochs),
            rows: self.report.rows,
            epoch_steps: self.epoch_steps(),
            total_steps: self.total_steps(),
            multiplier: self.multiplier,
            adapter: self.adapter,
            entropy: self.report.entropy,
            repeats: self.report.repeats,
            answer_tokens: self.report.output_tokens.mean,
        })
    }

    /// Every checkpoint of the whole run, the last one at its end.
    pub(super) fn checkpoints(&self) -> Vec<Checkpoint> {
        let number = if self.last_checkpoint_only {
            1
        } else {
            self.epochs.min(CHECKPOINTS_MAX)
        };
        (1..=number)
            .map(|at| {
                let share = real(at) / real(number);
                let epoch = whole((real(self.epochs) * share).round());
                Checkpoint {
                    id: at.to_string(),
                    epoch,
                    step: self.epoch_steps().saturating_mul(epoch),
                }
            })
            .collect()
    }

    /// The last checkpoint: the default of the tuned model.
    pub(super) fn last_checkpoint(&self) -> Checkpoint {
        Checkpoint {
            id: self.checkpoints().len().to_string(),
            epoch: self.epochs,
            step: self.total_steps(),
        }
    }

    /// The id of the tuned model.
    pub(super) fn model_id(&self) -> String {
        self.seed().named("model").id()
    }

    /// The id of the endpoint of a checkpoint.
    pub(super) fn endpoint_id(&self, checkpoint: &str) -> String {
        self.seed().named("endpoint").named(checkpoint).id()
    }

    /// Where the tuned model is served: the multi-region of the tuning region.
    pub(super) fn serving_location(&self) -> &'static str {
        if self.location.starts_with("europe") {
            "eu"
        } else {
            "us"
        }
    }

    /// `projects/…/locations/…` of the job itself.
    pub(super) fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.location)
    }

    /// `projects/…/locations/…` of the job's results.
    pub(super) fn serving_parent(&self) -> String {
        format!(
            "projects/{}/locations/{}",
            self.project,
            self.serving_location()
        )
    }

    /// The job's full name.
    pub(super) fn name(&self) -> String {
        format!("{}/tuningJobs/{}", self.parent(), self.id)
    }

    /// The tuned model's full name, without a version.
    pub(super) fn model_name(&self) -> String {
        format!("{}/models/{}", self.serving_parent(), self.model_id())
    }

    /// The full name of a checkpoint's endpoint.
    pub(super) fn endpoint_name(&self, checkpoint: &str) -> String {
        format!(
            "{}/endpoints/{}",
            self.serving_parent(),
            self.endpoint_id(checkpoint)
        )
    }

    /// The id of the experiment with the curves.
    pub(super) fn experiment_id(&self) -> String {
        format!(
            "tuning-experiment-{}-{}",
            self.created.format("%Y%m%d%H%M%S"),
            self.id
        )
    }
}

/// A valid job for tests: 80 rows, 3 epochs, 30 steps of 20 s.
#[cfg(test)]
pub(super) fn sample() -> JobRecord {
    let rows: Vec<String> = (0..80)
        .map(|n| {
            serde_json::json!({"contents": [
                {"role": "user", "parts": [{"text": format!("What is {n} and {n}?")}]},
                {"role": "model", "parts": [{"text": format!("It is {} in all", n + n)}]},
            ]})
            .to_string()
        })
        .collect();
    let created: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap_or_default();
    JobRecord {
        id: "1234567890123456789".to_owned(),
        project: "123456789012".to_owned(),
        location: "us-central1".to_owned(),
        created,
        slot_at: created,
        cancel_at: None,
        base_model: "gemini-3.1-flash-lite".to_owned(),
        training_uri: "gs://b/train.jsonl".to_owned(),
        validation_uri: None,
        epochs: 3,
        multiplier: 1.0,
        adapter: 4,
        last_checkpoint_only: false,
        display_name: "m".to_owned(),
        description: String::new(),
        labels: BTreeMap::new(),
        service_account: None,
        report: super::dataset::inspect(rows.join("\n").as_bytes(), None),
        seconds_per_step: Some(20.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(epochs: u64, expected: &[(u64, u64)]) {
        let job = JobRecord { epochs, ..sample() };
        let found: Vec<(u64, u64)> = job
            .checkpoints()
            .iter()
            .map(|checkpoint| (checkpoint.epoch, checkpoint.step))
            .collect();
        assert_eq!(found, expected, "{epochs} epochs");
        assert_eq!(Some(&job.last_checkpoint()), job.checkpoints().last());
    }

    #[test]
    fn there_is_a_checkpoint_per_epoch_or_ten_in_all() {
        check(1, &[(1, 10)]);
        check(3, &[(1, 10), (2, 20), (3, 30)]);
        let ten: Vec<(u64, u64)> = (1..=10).map(|n| (4 * n, 40 * n)).collect();
        check(40, &ten);
    }

    #[test]
    fn tuning_takes_20_to_40_minutes_at_the_usual_pace() {
        for epochs in [1, 10, 1000] {
            let job = JobRecord {
                epochs,
                seconds_per_step: None,
                ..sample()
            };
            let minutes = job.step_s() * real(job.total_steps()) / 60.0;
            assert!(
                (20.0..=40.0).contains(&minutes),
                "{epochs} epochs: {minutes}"
            );
        }
    }
}
