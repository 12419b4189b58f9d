//! What the rules are applied to: a job and its losses at one moment.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    curve::{Curve, CurveState},
    job_state::{JobPhase, JobState},
};

/// A job and its losses at one moment.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// The moment.
    pub now: DateTime<Utc>,
    /// The job's state.
    pub state: &'a JobState,
    /// What it does while it runs.
    pub phase: Option<&'a JobPhase>,
    /// Since when state and phase have been as they are.
    pub state_since: Option<DateTime<Utc>>,
    /// When the job began to run.
    pub started_at: Option<DateTime<Utc>>,
    /// The losses; those that could be read last, where they cannot be read now.
    pub curve: &'a Curve,
    /// Whether they could be read now, and since when that has been so.
    pub curve_state: CurveState,
    /// Since when `curve_state` has been what it is.
    pub curve_since: Option<DateTime<Utc>>,
    /// The newest step that was known before now.
    pub last_step: Option<u64>,
    /// When that step was first seen.
    pub last_step_at: Option<DateTime<Utc>>,
    /// The steps of the whole job, once the service has counted them.
    pub steps_total: Option<u64>,
    /// Whether a checkpoint that can be served exists.
    pub has_checkpoint: bool,
    /// How long things may take.
    pub limits: HealthLimits,
    /// What the job costs, where that is known.
    pub spending: Option<Spending>,
}

/// How long things may take; settings of `watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthLimits {
    /// How long a job may tune without a new step.
    pub stall: TimeDelta,
    /// How long a job may tune while its losses cannot be read.
    pub no_metrics: TimeDelta,
    /// How long a job may run.
    pub over_time: TimeDelta,
}

/// What a job costs, and what it may cost, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    /// What it costs in the end, as far as is known now.
    pub spent_usd: f64,
    /// What it may cost.
    pub limit_usd: f64,
}

impl Observed<'_> {
    /// Whether the job says that it makes steps.
    pub(super) fn tunes(&self) -> bool {
        *self.state == JobState::Running && matches!(self.phase, None | Some(JobPhase::Tuning))
    }

    /// The time since `since`.
    pub(super) fn elapsed(&self, since: Option<DateTime<Utc>>) -> TimeDelta {
        since.map_or(TimeDelta::zero(), |since| self.now - since)
    }
}

/// A time in seconds, as evidence.
pub(super) fn seconds(time: TimeDelta) -> f64 {
    time.as_seconds_f64()
}
