//! What a fault in a curve leads to, once it is confirmed.

use shared::{
    checkpoint::Checkpoint,
    curve::{Curve, CurveFault},
    run::Job,
};

/// What to do about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopDecision {
    /// Let it run: its curve shows no fault.
    LetRun,
    /// Stop the job, and keep the best checkpoint where one is worth an evaluation.
    Stop {
        /// What the curve shows.
        finding: CurveFault,
        /// The checkpoint to evaluate in place of the finished model.
        keep: Option<Checkpoint>,
    },
}

/// Decides from the curve as the service reports it now. `stalled` is passed in: it depends on time
/// between polls, which `watch` alone observes.
pub fn decide(curve: &Curve, stalled: bool, job: &Job) -> StopDecision {
    let stalled = stalled.then_some(CurveFault::Stalled);
    let Some(finding) = curve.finding().or(stalled) else {
        return StopDecision::LetRun;
    };
    let keep = match finding {
        CurveFault::Overfit | CurveFault::Plateau => {
            curve.best_checkpoint(&job.checkpoints).cloned()
        }
        // What was learnt on the way to divergence is not worth the price of an evaluation.
        CurveFault::NotANumber | CurveFault::Diverged | CurveFault::Stalled => None,
    };
    StopDecision::Stop { finding, keep }
}

#[cfg(test)]
mod tests {
    use shared::curve::Point;

    use super::*;

    fn points(losses: &[f64]) -> Vec<Point> {
        losses
            .iter()
            .zip(1..)
            .map(|(loss, step)| Point {
                step,
                loss: loss.is_finite().then_some(*loss),
            })
            .collect()
    }

    fn job() -> Job {
        let checkpoint = |step: u64| Checkpoint {
            id: step.to_string(),
            epoch: step,
            step,
            endpoint: Some("e".to_owned()),
        };
        Job {
            checkpoints: vec![checkpoint(2), checkpoint(4)],
            ..Job::default()
        }
    }

    #[track_caller]
    fn check(
        train: &[f64],
        eval: &[f64],
        stalled: bool,
        expected: Option<(CurveFault, Option<&str>)>,
    ) {
        let curve = Curve {
            train: points(train),
            eval: points(eval),
            ..Curve::new("a-b".parse().unwrap())
        };
        let found = match decide(&curve, stalled, &job()) {
            StopDecision::LetRun => None,
            StopDecision::Stop { finding, keep } => Some((finding, keep.map(|kept| kept.id))),
        };
        let expected = expected.map(|(finding, id)| (finding, id.map(str::to_owned)));
        assert_eq!(found, expected, "{train:?} {eval:?}");
    }

    #[test]
    fn only_a_fault_that_the_curve_confirms_stops_a_run() {
        let falling = [2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.9, 0.8];
        check(&falling, &[1.0, 0.9], false, None);
        let turning = [1.0, 0.8, 0.85, 0.9, 0.95];
        check(
            &falling,
            &turning,
            false,
            Some((CurveFault::Overfit, Some("2"))),
        );
        check(
            &[1.0, f64::NAN],
            &[],
            false,
            Some((CurveFault::NotANumber, None)),
        );
        check(&falling, &[], true, Some((CurveFault::Stalled, None)));
    }
}
