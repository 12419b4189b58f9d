//! What the ledger does about a job: whose it is, and whether it should end.

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    job_ledger::{JobEntry, JobOwner},
    run::{Run, State},
};

/// Pause before the first request to stop a job that a decision asked to stop already: early-stop calls
/// cancel right after it has recorded its decision.
const FIRST_ASK: TimeDelta = TimeDelta::minutes(1);
/// Pause between requests to stop a job that the service accepted. Jobs end minutes after a cancel.
const NEXT_ASK: TimeDelta = TimeDelta::minutes(5);
/// Pause after a request that was not accepted.
const FAILED_ASK: TimeDelta = TimeDelta::minutes(1);
/// Time since the first request from which a job that has not ended is an error for a person: a cancel
/// takes minutes, and every further hour is billed.
pub const WITHOUT_EFFECT: TimeDelta = TimeDelta::minutes(20);

/// Why a job is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelCause {
    /// Its run has another job.
    Surplus,
    /// It has no run, or one that has ended otherwise.
    Orphan,
    /// Its run is being stopped.
    Stopped,
}

impl CancelCause {
    /// The name in log fields.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Surplus => "surplus",
            Self::Orphan => "orphan",
            Self::Stopped => "stopped",
        }
    }
}

/// What is done about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEffect {
    /// Record whose it is.
    Own(JobOwner),
    /// Record it in its run, which waits for a job.
    Adopt,
    /// Report that it should not run: at every tick, so that an alert sees how long it lasts.
    Unwanted(CancelCause),
    /// Ask the service to stop it.
    Cancel(CancelCause),
    /// Report that asking has had no effect.
    ReportNoEffect,
}

/// Decides what to do about the job of `entry`, whose label names `run`.
///
/// The run must have been read after the job was seen. Otherwise a job that has just been created would
/// look like one without a run, or one of a run that is not its own.
pub fn next(entry: &JobEntry, run: Option<&Run>, now: DateTime<Utc>) -> Vec<JobEffect> {
    let owner = owner(entry, run, now);
    let mut effects = Vec::new();
    // Of a job that has ended, it stays as it was found out first: its run may be at a later attempt now.
    if owner != entry.owner && (entry.open || entry.owner == JobOwner::Orphan) {
        effects.push(JobEffect::Own(owner));
    }
    // Also one that has ended: the run must learn how.
    if run.is_some_and(|run| run.job.is_none()) && owner == JobOwner::Adopted {
        effects.push(JobEffect::Adopt);
        return effects;
    }
    let Some(cause) = cause(owner, run).filter(|_| entry.open) else {
        return effects;
    };
    if cause != CancelCause::Stopped {
        effects.push(JobEffect::Unwanted(cause));
    }
    if is_due(entry, run, cause, now) {
        if has_no_effect(entry, now) {
            effects.push(JobEffect::ReportNoEffect);
        }
        effects.push(JobEffect::Cancel(cause));
    }
    effects
}

/// Whose the job is.
fn owner(entry: &JobEntry, run: Option<&Run>, now: DateTime<Utc>) -> JobOwner {
    let Some(run) = run.filter(|run| run.attempt == entry.attempt) else {
        return JobOwner::Orphan;
    };
    match (&run.job, run.state) {
        // Names are compared without the spelling of the project.
        (Some(job), _) if entry.name.is(&job.name) => match entry.owner {
            JobOwner::Adopted => JobOwner::Adopted,
            JobOwner::Recorded | JobOwner::Surplus | JobOwner::Orphan => JobOwner::Recorded,
        },
        (Some(_), _) => JobOwner::Surplus,
        // The call that made it may be under way still: `tune` records it once it is answered.
        (None, State::Queued) if run.armed.as_ref().is_some_and(|it| now < it.deadline) => {
            JobOwner::Recorded
        }
        (None, State::Queued) => JobOwner::Adopted,
        // Its price is not approved, or it has ended: the job is not wanted.
        (
            None,
            State::AwaitingApproval
            | State::Running
            | State::Stopping
            | State::Succeeded
            | State::Failed
            | State::Cancelled,
        ) => JobOwner::Orphan,
    }
}

/// Why the job should end, if it should.
fn cause(owner: JobOwner, run: Option<&Run>) -> Option<CancelCause> {
    match (owner, run.map(|run| run.state)) {
        (JobOwner::Surplus, _) => Some(CancelCause::Surplus),
        (JobOwner::Orphan, _) | (JobOwner::Recorded | JobOwner::Adopted, None) => {
            Some(CancelCause::Orphan)
        }
        (JobOwner::Recorded | JobOwner::Adopted, Some(State::Stopping)) => {
            Some(CancelCause::Stopped)
        }
        (JobOwner::Recorded | JobOwner::Adopted, Some(state)) => {
            state.is_final().then_some(CancelCause::Orphan)
        }
    }
}

/// Whether it is time to ask the service to stop the job, again or for the first time.
fn is_due(entry: &JobEntry, run: Option<&Run>, cause: CancelCause, now: DateTime<Utc>) -> bool {
    let cancels = &entry.cancels;
    let (last, pause) = match (cancels.last_at, &cancels.failure) {
        (Some(last), Some(_)) => (Some(last), FAILED_ASK),
        (Some(last), None) => (Some(last), NEXT_ASK),
        (None, _) => {
            let decided = run.and_then(|run| run.stop.as_ref()).map(|stop| stop.at);
            (decided.filter(|_| cause == CancelCause::Stopped), FIRST_ASK)
        }
    };
    last.is_none_or(|last| now - last >= pause)
}

/// Whether the job runs on although it was asked to stop long ago.
fn has_no_effect(entry: &JobEntry, now: DateTime<Utc>) -> bool {
    let first = entry.cancels.first_at;
    first.is_some_and(|first| now - first >= WITHOUT_EFFECT)
}

#[cfg(test)]
mod tests;
