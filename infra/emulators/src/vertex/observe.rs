//! The state of a job at a point in time: a function of its record and the time only.
//!
//! No timer drives a job, so it continues over restarts and at any speed of the clock.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    number::{real, whole},
    record::{Checkpoint, JobRecord},
};

/// Seconds from the slot to `JOB_STATE_RUNNING`.
const PENDING_S: (f64, f64) = (5.0, 20.0);
/// Seconds for reading the dataset.
const DATASET_S: (f64, f64) = (60.0, 120.0);
/// Seconds until accelerators are free.
const CAPACITY_S: (f64, f64) = (120.0, 180.0);
/// Seconds from the last step to `JOB_STATE_SUCCEEDED`.
const POST_PROCESSING_S: f64 = 120.0;
/// Seconds in `JOB_STATE_CANCELLING`.
const CANCELLING_S: (f64, f64) = (20.0, 60.0);
/// Seconds from a checkpoint's step until its endpoint answers.
const DEPLOYING_S: f64 = 60.0;
/// The share of the steps after which training stalls.
const STALL_AFTER: f64 = 0.3;
/// How long it stalls: jobs were seen in RUNNING for up to 22 hours.
const STALL_S: f64 = 22.0 * 3600.0;

/// `google.rpc.Code.CANCELLED`, which the API documents for a cancelled job.
const CODE_CANCELLED: i32 = 1;
/// `google.rpc.Code.INVALID_ARGUMENT`.
const CODE_INVALID_ARGUMENT: i32 = 3;
/// `google.rpc.Code.INTERNAL`.
const CODE_INTERNAL: i32 = 13;

/// The phase of a job, in the order in which a job passes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Waits for a slot of the quota.
    WaitingForQuota,
    /// Accepted, not started.
    Pending,
    /// Reads the data.
    ProcessingDataset,
    /// Waits for accelerators.
    WaitingForCapacity,
    /// Trains.
    Tuning,
    /// Deploys the last checkpoint; too late to cancel.
    PostProcessing,
    /// A cancellation is in progress.
    Cancelling,
    /// Succeeded.
    Succeeded,
    /// Failed.
    Failed,
    /// Cancelled.
    Cancelled,
}

impl Phase {
    /// The `JobState`.
    pub(super) fn state(self) -> &'static str {
        match self {
            Self::WaitingForQuota | Self::Pending => "JOB_STATE_PENDING",
            Self::ProcessingDataset
            | Self::WaitingForCapacity
            | Self::Tuning
            | Self::PostProcessing => "JOB_STATE_RUNNING",
            Self::Cancelling => "JOB_STATE_CANCELLING",
            Self::Succeeded => "JOB_STATE_SUCCEEDED",
            Self::Failed => "JOB_STATE_FAILED",
            Self::Cancelled => "JOB_STATE_CANCELLED",
        }
    }

    /// The `tuningJobState` of v1beta1, where there is one: with the prefix, as Google's own client
    /// `google-genai` reads it.
    pub(super) fn detail(self) -> Option<&'static str> {
        match self {
            Self::WaitingForQuota => Some("TUNING_JOB_STATE_WAITING_FOR_QUOTA"),
            Self::ProcessingDataset => Some("TUNING_JOB_STATE_PROCESSING_DATASET"),
            Self::WaitingForCapacity => Some("TUNING_JOB_STATE_WAITING_FOR_CAPACITY"),
            Self::Tuning => Some("TUNING_JOB_STATE_TUNING"),
            Self::PostProcessing => Some("TUNING_JOB_STATE_POST_PROCESSING"),
            Self::Pending | Self::Cancelling | Self::Succeeded | Self::Failed | Self::Cancelled => {
                None
            }
        }
    }

    /// Whether the phase is final.
    pub(super) fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::WaitingForQuota
            | Self::Pending
            | Self::ProcessingDataset
            | Self::WaitingForCapacity
            | Self::Tuning
            | Self::PostProcessing
            | Self::Cancelling => false,
        }
    }
}

/// A job at a point in time.
#[derive(Debug, Clone)]
pub(super) struct JobView {
    /// The phase.
    pub(super) phase: Phase,
    /// When it was first RUNNING.
    pub(super) started: Option<DateTime<Utc>>,
    /// When it ended.
    pub(super) ended: Option<DateTime<Utc>>,
    /// When something last changed.
    pub(super) updated: DateTime<Utc>,
    /// Whether the data was read, so that its statistics are known.
    pub(super) dataset_read: bool,
    /// Steps done.
    pub(super) steps: u64,
    /// Whole epochs done.
    pub(super) epochs: u64,
    /// Checkpoints whose endpoints answer.
    pub(super) checkpoints: Vec<Checkpoint>,
    /// `error.code` and `error.message`.
    pub(super) failure: Option<(i32, String)>,
}

/// The state of `job` at `now`.
pub(super) fn observe(job: &JobRecord, now: DateTime<Utc>) -> JobView {
    let times = Times::of(job);
    let Some(cancel_at) = times.cancel_at(job).filter(|at| *at <= now) else {
        return times.view(job, now);
    };
    // What was done by then stays; checkpoints that were being deployed still become available.
    let mut view = times.view(job, cancel_at);
    let over_at = cancel_at + times.cancelling;
    view.checkpoints = times.checkpoints(job, cancel_at.min(times.ended), now.min(over_at));
    if now < over_at {
        view.phase = Phase::Cancelling;
        view.updated = cancel_at;
    } else {
        view.phase = Phase::Cancelled;
        view.updated = over_at;
        view.ended = Some(over_at);
        view.failure = Some((
            CODE_CANCELLED,
            "The tuning job was cancelled by the user (simulated).".to_owned(),
        ));
    }
    view
}

/// When `job` ends, unless something changes: its slot is free from then on.
pub(super) fn ends_at(job: &JobRecord) -> DateTime<Utc> {
    let times = Times::of(job);
    times
        .cancel_at(job)
        .map_or(times.ended, |at| at + times.cancelling)
}

/// When step `step` of `job` was done, or would have been.
pub(super) fn step_at(job: &JobRecord, step: u64) -> DateTime<Utc> {
    Times::of(job).tuning + seconds(real(step) * job.step_s())
}

/// The timeline of a job that is not cancelled.
#[derive(Debug)]
struct Times {
    slot: DateTime<Utc>,
    running: DateTime<Utc>,
    dataset: DateTime<Utc>,
    tuning: DateTime<Utc>,
    tuned: DateTime<Utc>,
    ended: DateTime<Utc>,
    cancelling: TimeDelta,
    /// Steps done before the end.
    steps: u64,
}

impl Times {
    fn of(job: &JobRecord) -> Self {
        let seed = job.seed().named("times");
        let spread = |member, (low, high)| seconds(seed.with(member).between(low, high));
        let slot = job.slot_at.max(job.created);
        let running = slot + spread(1, PENDING_S);
        let dataset = running + spread(2, DATASET_S);
        let tuning = dataset + spread(3, CAPACITY_S);
        let tuned = tuning + seconds(real(job.total_steps()) * job.step_s());
        let mut times = Self {
            slot,
            running,
            dataset,
            tuning,
            tuned,
            ended: tuned + seconds(POST_PROCESSING_S),
            cancelling: spread(4, CANCELLING_S),
            steps: job.total_steps(),
        };
        if job.report.fatal.is_some() {
            times.steps = 0;
            times.ended = dataset;
            times.tuned = dataset;
        } else if job.report.stalls {
            times.steps = whole(real(job.total_steps()) * STALL_AFTER);
            times.ended = tuning + seconds(real(times.steps) * job.step_s() + STALL_S);
            times.tuned = times.ended;
        }
        times
    }

    /// When the job was cancelled, if that was in time: a cancellation while the last checkpoint is
    /// deployed has no effect.
    fn cancel_at(&self, job: &JobRecord) -> Option<DateTime<Utc>> {
        job.cancel_at.filter(|at| *at < self.tuned)
    }

    fn view(&self, job: &JobRecord, now: DateTime<Utc>) -> JobView {
        let steps = self.steps_at(job, now);
        let (phase, since) = self.phase(job, now);
        JobView {
            phase,
            started: (now >= self.running).then_some(self.running),
            ended: (now >= self.ended).then_some(self.ended),
            updated: if phase == Phase::Tuning {
                step_at(job, steps).max(since)
            } else {
                since
            },
            dataset_read: now >= self.dataset,
            steps,
            epochs: steps / job.epoch_steps(),
            checkpoints: self.checkpoints(job, now, now),
            failure: (phase == Phase::Failed).then(|| failure(job)),
        }
    }

    fn phase(&self, job: &JobRecord, now: DateTime<Utc>) -> (Phase, DateTime<Utc>) {
        if now >= self.ended {
            let broken = job.report.fatal.is_some() || job.report.stalls;
            let phase = if broken {
                Phase::Failed
            } else {
                Phase::Succeeded
            };
            return (phase, self.ended);
        }
        let course = [
            (self.tuned, Phase::PostProcessing),
            (self.tuning, Phase::Tuning),
            (self.dataset, Phase::WaitingForCapacity),
            (self.running, Phase::ProcessingDataset),
            (self.slot, Phase::Pending),
        ];
        course
            .into_iter()
            .find(|(from, _)| now >= *from)
            .map_or((Phase::WaitingForQuota, job.created), |(from, phase)| {
                (phase, from)
            })
    }

    fn steps_at(&self, job: &JobRecord, now: DateTime<Utc>) -> u64 {
        let tuning_s = elapsed_ms(now - self.tuning) / 1000.0;
        // The small excess keeps a step that is due exactly now from being rounded down.
        let made = whole(tuning_s / job.step_s() + 1e-6);
        made.min(self.steps)
    }

    /// The checkpoints reached by `made_by` whose endpoints answer at `now`.
    fn checkpoints(
        &self,
        job: &JobRecord,
        made_by: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<Checkpoint> {
        let steps = self.steps_at(job, made_by);
        job.checkpoints()
            .into_iter()
            .filter(|checkpoint| checkpoint.step <= steps)
            .filter(|checkpoint| {
                now >= (step_at(job, checkpoint.step) + seconds(DEPLOYING_S)).min(self.ended)
            })
            .collect()
    }
}

fn failure(job: &JobRecord) -> (i32, String) {
    match &job.report.fatal {
        Some(reason) => (CODE_INVALID_ARGUMENT, format!("{reason} (simulated)")),
        None => (
            CODE_INTERNAL,
            "Internal error: the trainer made no progress for hours (simulated stall).".to_owned(),
        ),
    }
}

fn seconds(seconds: f64) -> TimeDelta {
    /// A hundred years: longer than any run, and safe to add to a date.
    const MOST_S: f64 = 3.2e9;
    let ms = whole(seconds.clamp(0.0, MOST_S) * 1000.0);
    TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn elapsed_ms(delta: TimeDelta) -> f64 {
    real(u64::try_from(delta.num_milliseconds()).unwrap_or(0))
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
