//! What is in progress, for the one line of a screen that moves.

use evaluate::shards::ROWS_PER_SHARD;
use shared::{
    curve::Point,
    run::{Run, State},
};

use super::{snapshot::ChainSnapshot, words::state_words};
use crate::text;

/// What is in progress.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ChainStage {
    /// Something whose length is unknown.
    Waiting(String),
    /// The tuning job makes steps.
    Tuning(TuningProgress),
    /// Both models answer the held-out prompts.
    Evaluating(EvaluationProgress),
    /// Nothing more will happen.
    Done,
}

/// The progress of an evaluation: answers are stored in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EvaluationProgress {
    /// Parts that are answered.
    pub(crate) done: u64,
    /// All parts.
    pub(crate) total: u64,
}

/// The progress of a tuning job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TuningProgress {
    /// Steps done.
    pub(crate) done: u64,
    /// All steps, once the service has counted them.
    pub(crate) total: Option<u64>,
    /// The epoch in progress, from 1.
    pub(crate) epoch: u32,
    /// All epochs.
    pub(crate) epochs: u32,
    /// The newest training loss.
    pub(crate) train: Option<Point>,
    /// The newest evaluation loss.
    pub(crate) eval: Option<Point>,
}

impl ChainStage {
    /// The stage that `snapshot` shows.
    pub(crate) fn of(snapshot: &ChainSnapshot) -> Self {
        if snapshot.ending().is_some() {
            return Self::Done;
        }
        let Some(run) = &snapshot.run else {
            return Self::Waiting(match (&snapshot.upload, &snapshot.version) {
                (_, Some(_)) => "planning the run".to_owned(),
                (_, None) => "cleaning".to_owned(),
            });
        };
        match run.state {
            State::Queued => Self::Waiting(match run.reason.as_str() {
                "" => "queued".to_owned(),
                reason => format!("queued: {reason}"),
            }),
            State::Running => Self::of_job(run, snapshot),
            State::Stopping => Self::Waiting("stopping the job".to_owned()),
            State::Succeeded | State::Cancelled if snapshot.evaluation.is_none() => {
                Self::Evaluating(EvaluationProgress::of(snapshot))
            }
            State::Succeeded | State::Cancelled if !snapshot.is_evaluated() => {
                Self::Waiting("waiting until the models can be asked".to_owned())
            }
            State::Succeeded | State::Cancelled => {
                Self::Waiting("deciding which model serves".to_owned())
            }
            State::AwaitingApproval | State::Failed => {
                Self::Waiting(state_words(run.state).to_owned())
            }
        }
    }

    fn of_job(run: &Run, snapshot: &ChainSnapshot) -> Self {
        let Some(job) = &run.job else {
            return Self::Waiting("submitting the job".to_owned());
        };
        let activity = job.activity();
        if activity.tunes {
            Self::Tuning(TuningProgress::of(run, snapshot))
        } else {
            Self::Waiting(activity.words)
        }
    }

    /// Its name, which stays the same while the stage lasts.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Waiting(words) => words,
            Self::Tuning(_) => "Vertex AI tunes",
            Self::Evaluating(_) => "base and tuned model answer the held-out prompts",
            Self::Done => "done",
        }
    }
}

impl EvaluationProgress {
    fn of(snapshot: &ChainSnapshot) -> Self {
        let rows = snapshot.version.as_ref().map_or(0, |version| {
            let held_out = version.parts.get("eval").map_or(0, |part| part.rows);
            held_out.min(u64::from(version.recipe.evaluate.rows))
        });
        Self {
            done: snapshot.parts_answered,
            total: rows.div_ceil(ROWS_PER_SHARD as u64),
        }
    }
}

impl TuningProgress {
    fn of(run: &Run, snapshot: &ChainSnapshot) -> Self {
        let job = run.job.as_ref();
        let completed = job.and_then(|job| job.completed_epochs).unwrap_or_default();
        let curve = snapshot.curve.as_ref();
        let newest = |points: &[Point]| points.last().copied();
        Self {
            done: run.last_step.unwrap_or_default(),
            total: job.and_then(|job| job.steps_total),
            epoch: completed.saturating_add(1).min(run.plan.epochs),
            epochs: run.plan.epochs,
            train: curve.and_then(|curve| newest(&curve.train)),
            eval: curve.and_then(|curve| newest(&curve.eval)),
        }
    }

    /// One line, such as `epoch 2 of 3, training loss 1.204, evaluation loss 1.31`.
    pub(crate) fn words(&self) -> String {
        let mut words = vec![format!("epoch {} of {}", self.epoch, self.epochs)];
        if self.train.is_some() {
            words.push(format!("training loss {}", text::loss(self.train)));
        }
        if self.eval.is_some() {
            words.push(format!("evaluation loss {}", text::loss(self.eval)));
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    #[track_caller]
    fn check(snapshot: &ChainSnapshot, name: &str) {
        assert_eq!(ChainStage::of(snapshot).name(), name);
    }

    #[test]
    fn every_stage_has_a_name() {
        check(&ChainSnapshot::default(), "cleaning");
        check(&samples::cleaned(), "planning the run");
        check(
            &samples::with_state("queued"),
            "queued: costs about $0.56 of a budget of $5.00",
        );
        check(&samples::running(), "Vertex AI tunes");
        check(&samples::with_state("stopping"), "stopping the job");
        check(
            &samples::with_state("succeeded"),
            "base and tuned model answer the held-out prompts",
        );
        check(&samples::promoted(), "done");
    }

    #[test]
    fn evaluation_progress_is_counted_in_parts() {
        let evaluating = ChainSnapshot {
            parts_answered: 1,
            ..samples::with_state("succeeded")
        };
        assert_eq!(
            ChainStage::of(&evaluating),
            ChainStage::Evaluating(EvaluationProgress { done: 1, total: 2 })
        );
    }

    #[test]
    fn steps_are_shown_with_both_losses() {
        let ChainStage::Tuning(steps) = ChainStage::of(&samples::running()) else {
            panic!("expected steps");
        };
        assert_eq!((steps.done, steps.total), (60, Some(135)));
        let words = "epoch 2 of 3, training loss 0.900, evaluation loss 1.200";
        assert_eq!(steps.words(), words);
    }
}
