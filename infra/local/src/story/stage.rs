//! What is under way, for the one line of a screen that moves.

use evaluate::shards::ROWS_PER_SHARD;
use shared::{
    curve::Point,
    run::{Run, State},
};

use super::{Snapshot, words::state_words};
use crate::text;

/// What is under way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// Something whose length nobody knows.
    Waits(String),
    /// The job makes steps.
    Tunes(Steps),
    /// Both models are asked the held-out prompts.
    Asks(Parts),
    /// Nothing more happens.
    Over,
}

/// How far a comparison has come: answers are kept part by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Parts answered.
    pub(crate) done: u64,
    /// Parts there are.
    pub(crate) total: u64,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steps {
    /// Steps made.
    pub(crate) done: u64,
    /// Steps there are, once the service has counted.
    pub(crate) total: Option<u64>,
    /// The epoch under way, from 1.
    pub(crate) epoch: u32,
    /// Epochs there are.
    pub(crate) epochs: u32,
    /// The newest training loss.
    pub(crate) train: Option<Point>,
    /// The newest evaluation loss.
    pub(crate) eval: Option<Point>,
}

impl Stage {
    /// What `snapshot` shows to be under way.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        if snapshot.ending().is_some() {
            return Self::Over;
        }
        let Some(run) = &snapshot.run else {
            return Self::Waits(match (&snapshot.upload, &snapshot.version) {
                (_, Some(_)) => "planning the run".to_owned(),
                (_, None) => "cleaning".to_owned(),
            });
        };
        match run.state {
            State::Queued => Self::Waits(match run.reason.as_str() {
                "" => "queued".to_owned(),
                reason => format!("queued: {reason}"),
            }),
            State::Running => Self::of_job(run, snapshot),
            State::Stopping => Self::Waits("stopping the job".to_owned()),
            State::Succeeded | State::Cancelled if snapshot.evaluation.is_none() => {
                Self::Asks(Parts::of(snapshot))
            }
            State::Succeeded | State::Cancelled => Self::Waits("deciding who serves".to_owned()),
            State::AwaitingApproval | State::Failed => {
                Self::Waits(state_words(run.state).to_owned())
            }
        }
    }

    fn of_job(run: &Run, snapshot: &Snapshot) -> Self {
        let Some(job) = &run.job else {
            return Self::Waits("submitting the job".to_owned());
        };
        let activity = job.activity();
        if activity.tunes {
            Self::Tunes(Steps::of(run, snapshot))
        } else {
            Self::Waits(activity.words)
        }
    }

    /// Its name, the same as long as it lasts.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Waits(words) => words,
            Self::Tunes(_) => "Vertex AI tunes",
            Self::Asks(_) => "base and tuned model answer the held-out prompts",
            Self::Over => "done",
        }
    }
}

impl Parts {
    fn of(snapshot: &Snapshot) -> Self {
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

impl Steps {
    fn of(run: &Run, snapshot: &Snapshot) -> Self {
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

    /// In one line: `epoch 2 of 3, training loss 1.204, evaluation loss 1.31`.
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
    use crate::story::samples;

    #[track_caller]
    fn check(snapshot: &Snapshot, name: &str) {
        assert_eq!(Stage::of(snapshot).name(), name);
    }

    #[test]
    fn every_stage_has_a_name() {
        check(&Snapshot::default(), "cleaning");
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
    fn answers_are_counted_in_parts() {
        let asked = Snapshot {
            parts_answered: 1,
            ..samples::with_state("succeeded")
        };
        assert_eq!(Stage::of(&asked), Stage::Asks(Parts { done: 1, total: 2 }));
    }

    #[test]
    fn steps_are_told_with_both_losses() {
        let Stage::Tunes(steps) = Stage::of(&samples::running()) else {
            panic!("no steps");
        };
        assert_eq!((steps.done, steps.total), (60, Some(135)));
        let words = "epoch 2 of 3, training loss 0.900, evaluation loss 1.200";
        assert_eq!(steps.words(), words);
    }
}
