//! A run: one tuning of one version by one plan, from its price to its end.
//!
//! Everything that was decided about it, and why, is in its document `runs/{id}`.
//! Within one attempt its state only moves along [`State::may_become`], and every write is
//! compare-and-set: a late or repeated delivery cannot take it back. [`Run::retry`] starts the next
//! attempt.

pub(crate) mod queue;

mod estimate;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    estimate::{Estimate, ServingEstimate},
    queue::QueuePosition,
};
use crate::{
    checkpoint::Checkpoint,
    curve::{Curve, CurveReading, CurveState},
    google::documents::Document,
    health::{HealthCode, HealthFinding, HealthLimits, Observed, Spending},
    id::{DatasetName, RunId, VersionId, digest},
    job_state::{JobActivity, JobPhase, JobState},
    policy::Residency,
    spend::Reservation,
    waits::Waits,
};

/// Entries of a run's history that are kept, the newest; a run has some ten.
const HISTORY_MAX: usize = 100;

/// Characters of a person's reason that are kept: a sentence or two, which the history of a run shows.
const WHY_CHARS_MAX: usize = 500;

/// A person's reason as it is kept.
pub fn kept_reason(why: &str) -> String {
    why.trim().chars().take(WHY_CHARS_MAX).collect()
}

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

impl TuningPlan {
    /// All of it as text, in a fixed order: what distinguishes one plan from another.
    pub fn parts(&self) -> [String; 5] {
        let Self {
            base_model,
            region,
            epochs,
            learning_rate_multiplier,
            adapter_size,
        } = self;
        [
            base_model.clone(),
            region.clone(),
            epochs.to_string(),
            learning_rate_multiplier.to_string(),
            adapter_size.to_string(),
        ]
    }
}

/// The approval of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// [`WITHIN_BUDGET`], or a person.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in that person's words.
    #[serde(default)]
    pub why: String,
    /// [`Run::approval_digest`] of what was approved: a run that differs is not approved.
    #[serde(default)]
    pub digest: String,
}

/// Who approved a run that needs no person.
pub const WITHIN_BUDGET: &str = "budget";

/// Why a person cannot approve a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// It does not await approval.
    #[error("expected a run in state awaiting_approval, found {}", .0.as_str())]
    State(State),
    /// The person who asks for money does not grant it.
    #[error("{0} uploaded the rows of this run: another person must approve it")]
    Uploader(String),
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
    /// The code of that, as `google.rpc.Code` counts.
    #[serde(default)]
    pub error_code: Option<i64>,
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
    pub finding: HealthCode,
    /// The finding that it rested on, with its numbers.
    #[serde(default)]
    pub evidence: Option<HealthFinding>,
    /// The trigger: an incident's id, or `watch`.
    pub called_by: String,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// A person's decision that a job is not wanted any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who.
    pub by: String,
    /// In that person's words.
    pub why: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What the service reported of a job, beside what was estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Tokens of one pass times the epochs of the plan.
    pub training_tokens: u64,
    /// What they cost, in US dollars; `None` where the price list has no price.
    pub usd: Option<f64>,
    /// Rows that the service dropped or cut, none of which were expected.
    pub dropped_rows: u64,
    /// When this was first seen.
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
    /// What it may cost without a person: the policy's limit, or the recipe's where that is lower.
    pub budget_usd: f64,
    /// Where its rows, prompts and answers stay, by policy.
    #[serde(default)]
    pub location: Residency,
    /// The generation of the policy by which it was planned or last examined.
    #[serde(default)]
    pub policy_generation: Option<i64>,
    /// The address of the person who uploaded its rows, where that is known.
    #[serde(default)]
    pub uploader: Option<String>,
    /// What else a person should know of the plan: what may diverge, overfit or show nothing.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What its recipe leaves out: the value that the plan has, and why.
    #[serde(default)]
    pub defaults: Vec<String>,
    /// Its state.
    pub state: State,
    /// Why it is in this state, in plain words.
    pub reason: String,
    /// Which attempt this is, from 1: a failed run may be tried again.
    #[serde(default = "first_attempt")]
    pub attempt: u32,
    /// What it waits for although its turn has come.
    #[serde(default)]
    pub waits: Option<Waits>,
    /// The run that bought the same before: this one goes ahead only where a person approves that.
    #[serde(default)]
    pub bought_before: Option<RunId>,
    /// The run whose base model retires, where a person had this one planned in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retunes: Option<RunId>,
    /// The reservation of its upper price, for this attempt.
    #[serde(default)]
    pub reservation: Option<Reservation>,
    /// Create calls in a row whose outcome was unknown.
    #[serde(default)]
    pub unknown_creates: u32,
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
    /// The gravest of its findings.
    #[serde(default)]
    pub finding: Option<HealthCode>,
    /// All that is wrong with it, the gravest first.
    #[serde(default)]
    pub findings: Vec<HealthFinding>,
    /// Whether its losses could be read.
    #[serde(default)]
    pub curve: Option<CurveReading>,
    /// Consecutive polls that showed this finding without a decision, where it may stop the job.
    #[serde(default)]
    pub finding_polls: u32,
    /// Consecutive ticks at which neither a get nor a list found its job.
    #[serde(default)]
    pub job_missing_ticks: u32,
    /// The decision to stop it.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// A person's decision to end it.
    #[serde(default)]
    pub withdrawal: Option<Withdrawal>,
    /// What the service counted, once it has.
    #[serde(default)]
    pub reported: Option<Reported>,
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

    fn query_fields(&self) -> Vec<(&'static str, String)> {
        self.queue_fields()
    }
}

fn first_attempt() -> u32 {
    1
}

impl Run {
    /// The model that it made: one that is evaluated, or one that its failed job left behind.
    pub fn made_model(&self) -> Option<&str> {
        let job = self.job.as_ref();
        let left = job.filter(|_| self.state == State::Failed);
        let left = left.and_then(|job| job.model.as_deref());
        let chosen = self.chosen.as_ref();
        let chosen = chosen.map(|it| it.endpoint.as_deref().unwrap_or(&it.id));
        chosen.or(left)
    }

    /// Starts the next attempt of a run that ended without a model; `false`, and no change, for any other.
    ///
    /// A run that was never approved awaits approval again: a retry approves nothing.
    #[must_use]
    pub fn retry(&mut self, by: &str, why: &str, at: DateTime<Utc>) -> bool {
        let has_ended = matches!(self.state, State::Failed | State::Cancelled);
        if !has_ended || self.made_model().is_some() {
            return false;
        }
        self.attempt = self.attempt.saturating_add(1);
        self.state = if self.approval.is_some() {
            State::Queued
        } else {
            State::AwaitingApproval
        };
        self.reason = format!("attempt {}: {why}", self.attempt);
        self.waits = None;
        self.armed = None;
        self.reservation = None;
        self.unknown_creates = 0;
        self.job = None;
        self.last_step = None;
        self.last_step_at = None;
        self.curve = None;
        self.finding = None;
        self.findings = Vec::new();
        self.finding_polls = 0;
        self.job_missing_ticks = 0;
        self.stop = None;
        self.withdrawal = None;
        self.reported = None;
        self.chosen = None;
        self.finish_published = false;
        self.finished_at = None;
        self.note(
            by,
            format!("{}: {}", self.state.as_str(), self.reason.clone()),
            at,
        );
        true
    }

    /// Refuses it in the name of `by`; `false`, and no change, where it does not await approval.
    #[must_use]
    pub fn refuse(&mut self, by: &str, why: &str, at: DateTime<Utc>) -> bool {
        self.state == State::AwaitingApproval
            && self.enter(State::Cancelled, by, &format!("refused: {why}"), at)
    }

    /// Ends it in the name of `by`: at once where no job is recorded, else by asking its job to stop, which
    /// `watch` does; `false`, and no change, where it has ended or is being stopped already.
    ///
    /// A call may still create a job for a run that is ended here. `watch` finds that job by its label,
    /// and cancels it.
    #[must_use]
    pub fn withdraw(&mut self, by: &str, why: &str, at: DateTime<Utc>) -> bool {
        let next = match self.state {
            State::AwaitingApproval | State::Queued => State::Cancelled,
            State::Running => State::Stopping,
            State::Stopping | State::Succeeded | State::Failed | State::Cancelled => return false,
        };
        self.withdrawal = Some(Withdrawal {
            by: by.to_owned(),
            why: why.to_owned(),
            at,
        });
        self.enter(next, by, &format!("cancelled by {by}: {why}"), at)
    }

    /// The digest of what an approval approves: the plan, its price, the rows, the route, and what the policy says
    /// about it: above which amount it needs a person, and where its rows are kept.
    ///
    /// Not the policy as a whole: a change that does not bear on the run would undo its approval. Caps, allowed
    /// models and the kill switch hold whatever was approved.
    pub fn approval_digest(&self) -> String {
        let Estimate {
            tokens_low,
            tokens_high,
            usd_low,
            usd_high,
            ..
        } = &self.estimate;
        let plan = self.plan.parts().join(" ");
        let price = format!("{tokens_low} {tokens_high} {usd_low} {usd_high}");
        let version = self.version.as_str();
        digest(&[
            &plan,
            &price,
            version,
            self.model.as_str(),
            &self.budget_usd.to_string(),
            self.location.as_str(),
        ])
    }

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

    /// What the rules of health are applied to: `job` and `curve` as they are now.
    pub fn observed<'a>(
        &self,
        job: &'a Job,
        curve: &'a Curve,
        curve_state: CurveState,
        limits: HealthLimits,
        now: DateTime<Utc>,
    ) -> Observed<'a> {
        Observed {
            now,
            state: &job.state,
            phase: job.sub_state.as_ref(),
            state_since: job.state_since,
            started_at: job.started_at,
            curve,
            curve_state,
            curve_since: self.curve.as_ref().map(|reading| reading.since),
            last_step: self.last_step,
            last_step_at: self.last_step_at,
            steps_total: job.steps_total,
            has_checkpoint: job.checkpoints.iter().any(|it| it.endpoint.is_some()),
            limits,
            spending: self.spending(job),
        }
    }

    /// What the job costs by the tokens that the service has counted, and what the run may cost.
    #[expect(
        clippy::cast_precision_loss,
        reason = "tokens stay far below 2^53, where a float is exact"
    )]
    fn spending(&self, job: &Job) -> Option<Spending> {
        let Estimate {
            tokens_high,
            usd_high,
            ..
        } = &self.estimate;
        let counted = job
            .billable_tokens?
            .saturating_mul(u64::from(self.plan.epochs));
        (*tokens_high > 0).then(|| Spending {
            spent_usd: usd_high * counted as f64 / *tokens_high as f64,
            limit_usd: usd_high.max(self.budget_usd),
        })
    }

    /// What is wrong with it, in plain words: code, cause and advice of each finding.
    pub fn finding_words(&self) -> Vec<String> {
        match self.finding {
            // Written by a version that kept the code alone.
            Some(code) if self.findings.is_empty() => {
                vec![format!("{}: {}", code.as_str(), code.advice())]
            }
            _ => self.findings.iter().map(HealthFinding::words).collect(),
        }
    }

    /// Approves it, as it is now, in the name of `by`.
    ///
    /// # Errors
    ///
    /// Where it does not await approval, or `by` uploaded its rows; then nothing changes.
    pub fn approve(&mut self, by: &str, why: &str, at: DateTime<Utc>) -> Result<(), NotApproved> {
        if self.state != State::AwaitingApproval {
            return Err(NotApproved::State(self.state));
        }
        let by = by.trim();
        let uploader = self.uploader.as_ref();
        if let Some(uploader) = uploader.filter(|it| it.trim().eq_ignore_ascii_case(by)) {
            return Err(NotApproved::Uploader(uploader.clone()));
        }
        let why = kept_reason(why);
        let reason = match why.as_str() {
            "" => "approved".to_owned(),
            why => format!("approved: {why}"),
        };
        self.approval = Some(Approval {
            by: by.to_owned(),
            at,
            why,
            digest: self.approval_digest(),
        });
        let _entered = self.enter(State::Queued, by, &reason, at);
        Ok(())
    }

    /// Asks a person again, because what was approved has changed: as the next attempt, since within one
    /// attempt no state comes back. Only for a queued run for which nothing was bought.
    pub fn ask_again(&mut self, by: &str, reason: &str, at: DateTime<Utc>) {
        self.attempt = self.attempt.saturating_add(1);
        self.state = State::AwaitingApproval;
        reason.clone_into(&mut self.reason);
        self.approval = None;
        self.armed = None;
        self.waits = None;
        self.note(by, format!("{}: {reason}", self.state.as_str()), at);
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
pub(crate) mod tests;
