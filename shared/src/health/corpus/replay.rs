//! A made-up job as `watch` sees it: tick by tick, in samples, merged.

use chrono::{DateTime, TimeDelta, Utc};

use super::{SyntheticJob, noise::Random, shape::Shape};
// Whatever includes the corpus imports these: the crate's tests and the example.
use super::super::{Curve, CurveState, HealthLimits, JobPhase, JobState, Observed, Point, examine};

/// Points that the service returns at most.
const SAMPLE: usize = 1_000;
/// The setting of `watch`.
const STALL: TimeDelta = TimeDelta::minutes(60);

/// What the rules have found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// The first finding that would have stopped the job: its code and the step.
    pub(crate) stopped: Option<(&'static str, u64)>,
    /// The step at which the fault that the job has was found.
    pub(crate) found: Option<u64>,
    /// Whether a swing was noted: that stops no job, but people read it.
    pub(crate) swings: bool,
}

/// Applies the rules at `ticks` ticks, a minute each; it ends with the first finding that stops the
/// job.
pub(crate) fn replay(job: &SyntheticJob, ticks: u64, seed: u64) -> Outcome {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut outcome = Outcome::default();
    let mut curve = Curve::new("a-b-c".parse().expect("a name of a run"));
    let (mut last_step, mut last_step_at) = (None, None);
    let ticks = ticks.min(job.steps_total);
    // A job that stalls does not end; a sample may lack its newest step for a while.
    let last = if job.shape == Shape::Stalled {
        ticks + 120
    } else {
        ticks
    };
    for tick in 1..=last {
        let now = DateTime::UNIX_EPOCH + minutes(tick);
        let step = (tick * job.steps_total / ticks).min(job.steps_total);
        curve = curve.merged(read(job, step, &mut random));
        let observed = observed(&curve, job, now, last_step, last_step_at);
        for finding in examine(&observed) {
            if Some(finding.code.as_str()) == job.shape.code() {
                outcome.found.get_or_insert(step);
            }
            outcome.swings |= finding.code.as_str() == "oscillating";
            if finding.stops {
                outcome.stopped = Some((finding.code.as_str(), step));
                return outcome;
            }
        }
        if curve.last_step() > last_step {
            last_step = curve.last_step();
            last_step_at = Some(now);
        }
    }
    outcome
}

fn minutes(number: u64) -> TimeDelta {
    TimeDelta::minutes(i64::try_from(number).unwrap_or(i64::MAX))
}

fn observed<'a>(
    curve: &'a Curve,
    job: &SyntheticJob,
    now: DateTime<Utc>,
    last_step: Option<u64>,
    last_step_at: Option<DateTime<Utc>>,
) -> Observed<'a> {
    Observed {
        now,
        state: &JobState::Running,
        phase: Some(&JobPhase::Tuning),
        state_since: Some(DateTime::UNIX_EPOCH),
        started_at: Some(DateTime::UNIX_EPOCH),
        curve,
        curve_state: CurveState::Fresh,
        curve_since: Some(DateTime::UNIX_EPOCH),
        last_step,
        last_step_at,
        steps_total: Some(job.steps_total),
        // A healthy run must not be stopped whenever that is possible.
        has_checkpoint: true,
        limits: HealthLimits {
            stall: STALL,
            no_metrics: TimeDelta::MAX,
            over_time: TimeDelta::MAX,
        },
        spending: None,
    }
}

/// The losses up to `step`, as the service returns them.
fn read(job: &SyntheticJob, step: u64, random: &mut Random) -> Curve {
    let point = |(step, loss): (u64, f64)| Point::new(step, loss);
    let made = usize::try_from(step).unwrap_or(usize::MAX);
    let mut train: Vec<Point> = (1..)
        .zip(job.train.iter().copied())
        .take(made)
        .map(point)
        .collect();
    // The first of a shuffle are a random sample.
    let all = train.len();
    for index in 0..SAMPLE.min(all) {
        if all <= SAMPLE {
            break;
        }
        let other = random.next() % u64::try_from(all - index).unwrap_or(1);
        train.swap(index, index + usize::try_from(other).unwrap_or(0));
    }
    train.truncate(SAMPLE);
    let eval = job.eval.iter().copied().filter(|(at, _)| *at <= step);
    let mut curve = Curve::new("a-b-c".parse().expect("a name of a run"));
    curve.add("/train_total_loss", train);
    curve.add("/eval_total_loss", eval.map(point).collect());
    curve
}
