//! A run: one tuning of one version by one plan, from its price to its end.
//!
//! Everything that was decided about it, and why, is in its document `runs/{id}`.
//! Its state only moves along [`State::may_become`], and every write is
//! compare-and-set: a late or repeated delivery cannot take it back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::Checkpoint,
    curve::CurveFault,
    google::documents::Document,
    id::{DatasetName, RunId, VersionId},
    job_state::{JobActivity, JobPhase, JobState},
};

/// Entries of a run's history that are kept, the newest; a run has some ten.
const HISTORY_MAX: usize = 100;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It costs more than its budget; a person must approve it.
    AwaitingApproval,
    /// It may run, and waits for its turn.
    Queued,
    /// Its job exists.
    Running,
    /// Its job was asked to stop.
    Stopping,
    /// Its job made a model.
    Succeeded,
    /// Its job, or its submission, failed for good.
    Failed,
    /// Its job was stopped; a checkpoint may have been kept.
    Cancelled,
}

impl State {
    /// Whether nothing more happens to the job.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether a job exists and has not ended.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Stopping)
    }

    /// Whether a run in this state may go to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::AwaitingApproval => matches!(next, Self::Queued | Self::Cancelled),
            Self::Queued => matches!(next, Self::Running | Self::Failed | Self::Cancelled),
            Self::Running => matches!(next, Self::Stopping) || next.is_final(),
            // A job may end well although it was asked to stop: the provider's word wins.
            Self::Stopping => next.is_final(),
            Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }

    /// The name in documents and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The parameters of a tuning job: all that the API has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuningPlan {
    /// The model to start from.
    pub base_model: String,
    /// Where the job runs.
    pub region: String,
    /// Passes over the training rows.
    pub epochs: u32,
    /// Factor on the model's own learning rate.
    pub learning_rate_multiplier: f64,
    /// Rank of the adapter.
    pub adapter_size: u32,
}

/// What the run is expected to cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Training tokens: those of one pass, times the epochs.
    pub training_tokens: u64,
    /// US dollars.
    pub usd: f64,
    /// The day of the price list.
    pub price_as_of: String,
}

/// The approval of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// `budget`, or a person.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The written intent to call create: after it, a job may exist that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// The attempt that wrote it: only that one may call create.
    pub owner: String,
    /// When.
    pub at: DateTime<Utc>,
    /// When the call, were it under way, would have been given up. Part of the type: an
    /// intent without an end would lock the run for ever.
    pub deadline: DateTime<Utc>,
}

/// The provider's side, verbatim.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Resource name.
    pub name: String,
    /// Its state.
    pub state: JobState,
    /// What it does while it runs, where v1beta1 says so.
    #[serde(default)]
    pub sub_state: Option<JobPhase>,
    /// When the state or the sub-state was first seen as it is.
    #[serde(default)]
    pub state_since: Option<DateTime<Utc>>,
    /// When the first step ran.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<DateTime<Utc>>,
    /// What went wrong.
    #[serde(default)]
    pub error: Option<String>,
    /// Epochs done.
    #[serde(default)]
    pub completed_epochs: Option<u32>,
    /// Steps that the whole job has.
    #[serde(default)]
    pub steps_total: Option<u64>,
    /// Tokens billed for one pass, once the service has counted.
    #[serde(default)]
    pub billable_tokens: Option<u64>,
    /// Rows that the service dropped or cut.
    #[serde(default)]
    pub dropped_rows: Option<u64>,
    /// Why it dropped them, in its words.
    #[serde(default)]
    pub dropped_reasons: Vec<String>,
    /// The tuned model's resource name.
    #[serde(default)]
    pub model: Option<String>,
    /// The endpoint of its default checkpoint.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Its checkpoints so far.
    #[serde(default)]
    pub checkpoints: Vec<Checkpoint>,
}

impl Job {
    /// What the service does with it.
    pub fn activity(&self) -> JobActivity {
        JobActivity::of(&self.state, self.sub_state.as_ref())
    }
}

/// The decision to stop a job, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// The fault that the curve showed.
    pub finding: CurveFault,
    /// The trigger: an incident's id, or `watch`.
    pub called_by: String,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// One entry of a run's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// The function, or the person, that wrote it.
    pub by: String,
    /// In plain words.
    pub note: String,
}

/// The document `runs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its name, derived from version and plan.
    pub id: RunId,
    /// The dataset it tunes on.
    pub dataset: DatasetName,
    /// The version of it.
    pub version: VersionId,
    /// The name `predict` serves the result under.
    pub model: DatasetName,
    /// The parameters of its job.
    pub plan: TuningPlan,
    /// What it is expected to cost.
    pub estimate: Estimate,
    /// What it may cost without a person.
    pub budget_usd: f64,
    /// Its state.
    pub state: State,
    /// Why it is in this state, in plain words.
    pub reason: String,
    /// Its approval.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// The intent to create, until the job is recorded.
    #[serde(default)]
    pub armed: Option<Armed>,
    /// The provider's side.
    #[serde(default)]
    pub job: Option<Job>,
    /// The newest training step seen.
    #[serde(default)]
    pub last_step: Option<u64>,
    /// When that was first seen.
    #[serde(default)]
    pub last_step_at: Option<DateTime<Utc>>,
    /// The fault that its curve shows.
    #[serde(default)]
    pub finding: Option<CurveFault>,
    /// Consecutive polls that showed this finding without a decision.
    #[serde(default)]
    pub finding_polls: u32,
    /// Consecutive ticks at which neither a get nor a list found its job.
    #[serde(default)]
    pub job_missing_ticks: u32,
    /// The decision to stop it.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// The checkpoint to evaluate and serve.
    #[serde(default)]
    pub chosen: Option<Checkpoint>,
    /// Whether `run-finished` has been published.
    #[serde(default)]
    pub finish_published: bool,
    /// When it was planned.
    pub created_at: DateTime<Utc>,
    /// When this document last changed.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// What happened, oldest first.
    #[serde(default)]
    pub history: Vec<Entry>,
}

impl Document for Run {
    const COLLECTION: &'static str = "runs";
}

impl Run {
    /// Adds a line to its history.
    pub fn note(&mut self, by: &str, note: impl Into<String>, at: DateTime<Utc>) {
        self.history.push(Entry {
            at,
            by: by.to_owned(),
            note: note.into(),
        });
        let surplus = self.history.len().saturating_sub(HISTORY_MAX);
        self.history.drain(..surplus);
        self.updated_at = at;
    }

    /// Approves it in the name of `by`; `false`, and no change, where it does not await approval.
    #[must_use]
    pub fn approve(&mut self, by: &str, at: DateTime<Utc>) -> bool {
        if self.state != State::AwaitingApproval {
            return false;
        }
        self.approval = Some(Approval {
            by: by.to_owned(),
            at,
        });
        self.enter(State::Queued, by, "approved", at)
    }

    /// Moves it to `next`; `false`, and no change, where its state forbids that.
    #[must_use]
    pub fn enter(&mut self, next: State, by: &str, reason: &str, at: DateTime<Utc>) -> bool {
        if !self.state.may_become(next) {
            return false;
        }
        self.state = next;
        reason.clone_into(&mut self.reason);
        if next.is_final() {
            self.finished_at = Some(at);
        }
        self.note(by, format!("{}: {reason}", next.as_str()), at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [State; 7] = [
        State::AwaitingApproval,
        State::Queued,
        State::Running,
        State::Stopping,
        State::Succeeded,
        State::Failed,
        State::Cancelled,
    ];

    #[test]
    fn a_run_that_has_ended_stays_ended() {
        for state in ALL.into_iter().filter(|state| state.is_final()) {
            assert!(
                !ALL.into_iter().any(|next| state.may_become(next)),
                "{state:?}"
            );
        }
    }

    #[test]
    fn no_run_ever_returns_to_a_state_it_left() {
        // Walks every path. A cycle would never end, so a path longer than the number of states
        // shows one.
        fn walk(state: State, depth: usize) {
            assert!(depth < ALL.len(), "a cycle through {state:?}");
            for next in ALL.into_iter().filter(|next| state.may_become(*next)) {
                walk(next, depth + 1);
            }
        }
        walk(State::AwaitingApproval, 0);
    }
}
