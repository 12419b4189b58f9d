//! What a fault in a curve leads to, once it is confirmed.

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    checkpoint::Checkpoint,
    curve::{Curve, CurveState},
    health::{self, HealthCode, HealthFinding, HealthLimits},
    run::{Job, Run},
};

/// What to do about a run.
#[derive(Debug, Clone, PartialEq)]
pub enum StopDecision {
    /// Let it run: its curve shows no fault that may stop it.
    LetRun,
    /// Stop the job, and keep the best checkpoint where one is worth an evaluation.
    Stop {
        /// What the curve shows.
        finding: HealthFinding,
        /// The checkpoint to evaluate in place of the finished model.
        keep: Option<Checkpoint>,
    },
}

/// Decides from the curve as the service reports it now; `None` where it has none, which is not
/// evidence.
pub fn decide(run: &Run, job: &Job, curve: Option<&Curve>, now: DateTime<Utc>) -> StopDecision {
    let Some(curve) = curve else {
        return StopDecision::LetRun;
    };
    let limits = HealthLimits {
        stall: stall(run),
        no_metrics: TimeDelta::MAX,
        over_time: TimeDelta::MAX,
    };
    let observed = run.observed(job, curve, CurveState::Fresh, limits, now);
    let found = health::examine(&observed).into_iter();
    let Some(finding) = found.filter(|it| it.stops).min_by_key(|it| it.code) else {
        return StopDecision::LetRun;
    };
    let keep = match finding.code {
        HealthCode::Overfit | HealthCode::Plateau => {
            curve.best_checkpoint(&job.checkpoints).cloned()
        }
        // What was learnt on the way to divergence is not worth the price of an evaluation. The others
        // stop no job.
        HealthCode::NotANumber
        | HealthCode::Diverged
        | HealthCode::Stalled
        | HealthCode::OverBudget
        | HealthCode::Stuck
        | HealthCode::OverTime
        | HealthCode::NoMetrics
        | HealthCode::Oscillating => None,
    };
    StopDecision::Stop { finding, keep }
}

/// How long a job may stand: `watch` alone observes time, and its setting is in the finding. Without
/// that finding a job does not stall.
fn stall(run: &Run) -> TimeDelta {
    let stalled = run
        .findings
        .iter()
        .find(|finding| finding.code == HealthCode::Stalled);
    stalled
        .and_then(|finding| finding.number(health::EvidenceName::TypicalS))
        .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok())
        .and_then(|stall| TimeDelta::from_std(stall).ok())
        .unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::{curve::Point, job_state::JobState};

    use super::*;

    fn points(losses: &[f64]) -> Vec<Point> {
        let points = losses.iter().zip(1..);
        points.map(|(loss, step)| Point::new(step, *loss)).collect()
    }

    fn curve(train: &[f64], eval: &[f64]) -> Curve {
        Curve {
            train: points(train),
            eval: points(eval),
            ..Curve::new("a-b".parse().unwrap())
        }
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn run(stalled: bool) -> Run {
        let finding = json!({"code": "stalled", "evidence": {"typical_s": 3600.0}});
        let findings = if stalled { vec![finding] } else { vec![] };
        let run = json!({
            "id": "a-b-c", "dataset": "a", "version": "a-b", "model": "a",
            "plan": {"base_model": "m", "region": "r", "epochs": 1,
                     "learning_rate_multiplier": 1.0, "adapter_size": 1},
            "estimate": {"training_tokens": 1, "usd": 1.0, "price_as_of": ""},
            "budget_usd": 1.0, "state": "running", "reason": "", "findings": findings,
            "last_step": 8, "last_step_at": at(0), "created_at": at(0), "updated_at": at(0),
        });
        serde_json::from_value(run).unwrap()
    }

    fn job(checkpoints: &[u64]) -> Job {
        let checkpoint = |step: &u64| Checkpoint {
            id: step.to_string(),
            epoch: *step,
            step: *step,
            endpoint: Some("e".to_owned()),
        };
        Job {
            state: JobState::Running,
            state_since: Some(at(0)),
            steps_total: Some(60),
            checkpoints: checkpoints.iter().map(checkpoint).collect(),
            ..Job::default()
        }
    }

    /// The code of the finding that stops the job, and the checkpoint that is kept.
    type Stopped<'a> = Option<(HealthCode, Option<&'a str>)>;

    #[track_caller]
    fn check(run: &Run, job: &Job, curve: Option<&Curve>, expected: Stopped<'_>) {
        let decision = decide(run, job, curve, at(90));
        let found = match &decision {
            StopDecision::LetRun => None,
            StopDecision::Stop { finding, keep } => {
                Some((finding.code, keep.as_ref().map(|kept| kept.id.as_str())))
            }
        };
        assert_eq!(found, expected, "{curve:?}");
    }

    const FALLING: [f64; 8] = [2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.9, 0.8];
    const TURNING: [f64; 8] = [1.0, 0.9, 0.8, 0.85, 0.95, 1.05, 1.15, 1.25];

    #[test]
    fn only_a_fault_that_the_curve_confirms_stops_a_run() {
        let (well, both) = (run(false), job(&[3, 6]));
        let stalled = run(true);
        check(&well, &both, Some(&curve(&FALLING, &[1.0, 0.9])), None);
        check(
            &well,
            &both,
            Some(&curve(&FALLING, &TURNING)),
            Some((HealthCode::Overfit, Some("3"))),
        );
        let mut lost = FALLING.to_vec();
        lost.extend([f64::NAN; 5]);
        let lost = curve(&lost, &[]);
        check(
            &well,
            &both,
            Some(&lost),
            Some((HealthCode::NotANumber, None)),
        );
        let standing = curve(&FALLING, &[]);
        check(
            &stalled,
            &both,
            Some(&standing),
            Some((HealthCode::Stalled, None)),
        );
        check(&well, &both, Some(&standing), None);
    }

    #[test]
    fn a_passing_nan_or_a_zero_stops_no_run() {
        let mut losses = FALLING.to_vec();
        losses.extend([f64::NAN, 0.7, 0.0, 0.6, 0.6]);
        let curve = curve(&losses, &[1.0, 0.9, f64::NAN, 0.7]);
        check(&run(false), &job(&[3]), Some(&curve), None);
    }

    #[test]
    fn a_job_that_has_moved_since_has_not_stalled() {
        let mut moved = FALLING.to_vec();
        moved.push(0.7);
        check(&run(true), &job(&[3]), Some(&curve(&moved, &[])), None);
    }

    #[test]
    fn without_a_curve_nothing_is_stopped() {
        check(&run(true), &job(&[3]), None, None);
    }

    #[test]
    fn before_a_checkpoint_exists_only_a_lost_model_is_given_up() {
        let none = job(&[]);
        check(&run(false), &none, Some(&curve(&FALLING, &TURNING)), None);
        check(&run(true), &none, Some(&curve(&FALLING, &[])), None);
        let lost = curve(&[f64::NAN; 5], &[]);
        check(
            &run(false),
            &none,
            Some(&lost),
            Some((HealthCode::NotANumber, None)),
        );
    }
}
