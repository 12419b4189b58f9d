//! The loss curve of a run, and the fault that it shows.
//!
//! One pure function, which `watch` applies at every tick and `early-stop` again before it acts:
//! an alert is a hint, the curve is the truth.

use serde::{Deserialize, Serialize};

use crate::{checkpoint::Checkpoint, google::documents::Document, id::RunId};

/// Points of one series that are stored and examined; the service samples longer ones to 1,000
/// too.
pub const POINTS_MAX: usize = 1_000;

/// Training points before a curve is examined at all: the first steps are noise.
const WARM_UP_POINTS: usize = 8;
/// Points that a mean smooths over.
const WINDOW: usize = 4;
/// A smoothed training loss above its minimum by this factor has diverged.
const DIVERGED_FACTOR: f64 = 1.5;
/// Evaluations in a row without a better one that count as overfitting.
const OVERFIT_PATIENCE: usize = 3;
/// How far the evaluation loss must have risen above its minimum, relative.
const OVERFIT_RISE: f64 = 0.03;
/// Evaluations in a row in which neither loss moved that count as a plateau.
const PLATEAU_PATIENCE: usize = 5;
/// A relative change of a loss below this counts as none.
const PLATEAU_CHANGE: f64 = 0.002;

/// One value of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The training step.
    pub step: u64,
    /// The loss; `None` where it was not a finite number.
    pub loss: Option<f64>,
}

/// The losses of a run so far, by step: document `curves/{run}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The run.
    pub run: RunId,
    /// On the rows it trains on.
    pub train: Vec<Point>,
    /// On the validation rows; empty without a validation file.
    pub eval: Vec<Point>,
}

impl Document for Curve {
    const COLLECTION: &'static str = "curves";
}

/// What is wrong with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurveFault {
    /// A loss is not a number: the model is lost.
    NotANumber,
    /// The training loss climbs.
    Diverged,
    /// The training loss falls while the evaluation loss rises.
    Overfit,
    /// Nothing changes any more.
    Plateau,
    /// The job says it runs, and no step follows.
    Stalled,
}

impl CurveFault {
    /// The name in documents, logs and alert labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::Diverged => "diverged",
            Self::Overfit => "overfit",
            Self::Plateau => "plateau",
            Self::Stalled => "stalled",
        }
    }

    /// The cause in plain words, and what to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotANumber => {
                "the loss is not a number any more; tune again with a lower learning_rate_multiplier"
            }
            Self::Diverged => {
                "the training loss climbs; tune again with a lower learning_rate_multiplier"
            }
            Self::Overfit => {
                "the evaluation loss rises while the training loss falls; use the best checkpoint, \
                 fewer epochs or more rows"
            }
            Self::Plateau => "neither loss changes any more; the rest of the run would buy nothing",
            Self::Stalled => {
                "the job says it runs but makes no step; very short outputs are a known cause"
            }
        }
    }
}

impl Curve {
    /// An empty curve.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            train: Vec::new(),
            eval: Vec::new(),
        }
    }

    /// The newest step of either series.
    pub fn last_step(&self) -> Option<u64> {
        let last = |points: &[Point]| points.last().map(|point| point.step);
        last(&self.train).max(last(&self.eval))
    }

    /// The worst fault that the losses show.
    pub fn finding(&self) -> Option<CurveFault> {
        let (Some(train), Some(eval)) = (finite(&self.train), finite(&self.eval)) else {
            return Some(CurveFault::NotANumber);
        };
        if train.len() < WARM_UP_POINTS {
            return None;
        }
        if diverged(&train) {
            Some(CurveFault::Diverged)
        } else if overfit(&train, &eval) {
            Some(CurveFault::Overfit)
        } else if plateau(&train, &eval) {
            Some(CurveFault::Plateau)
        } else {
            None
        }
    }

    /// The checkpoint to use: the one with the lowest evaluation loss, the last one without any.
    ///
    /// Only checkpoints with an endpoint count, and none made after a loss stopped being a number.
    pub fn best_checkpoint<'a>(&self, checkpoints: &'a [Checkpoint]) -> Option<&'a Checkpoint> {
        let lost_at = self
            .train
            .iter()
            .chain(&self.eval)
            .filter(|point| point.loss.is_none())
            .map(|point| point.step)
            .min()
            .unwrap_or(u64::MAX);
        let usable = checkpoints
            .iter()
            .filter(|checkpoint| checkpoint.endpoint.is_some() && checkpoint.step < lost_at);
        usable
            .map(|checkpoint| (self.eval_loss_at(checkpoint.step), checkpoint))
            .min_by(|(a, first), (b, second)| a.total_cmp(b).then(second.step.cmp(&first.step)))
            .map(|(_, checkpoint)| checkpoint)
    }

    /// The evaluation loss measured nearest to `step`; infinite where there is none.
    fn eval_loss_at(&self, step: u64) -> f64 {
        self.eval
            .iter()
            .min_by_key(|point| point.step.abs_diff(step))
            .and_then(|point| point.loss)
            .unwrap_or(f64::INFINITY)
    }
}

/// The points as `(step, loss)`; `None` where one is not a number.
fn finite(points: &[Point]) -> Option<Vec<(u64, f64)>> {
    points
        .iter()
        .map(|point| Some((point.step, point.loss?)))
        .collect()
}

fn smoothed(points: &[(u64, f64)]) -> Vec<f64> {
    points
        .windows(WINDOW)
        .map(|window| window.iter().map(|(_, loss)| loss).sum::<f64>() / 4.0)
        .collect()
}

fn diverged(train: &[(u64, f64)]) -> bool {
    let smooth = smoothed(train);
    let lowest = smooth.iter().copied().fold(f64::INFINITY, f64::min);
    smooth
        .last()
        .is_some_and(|last| *last > lowest * DIVERGED_FACTOR && *last > lowest + 0.1)
}

fn overfit(train: &[(u64, f64)], eval: &[(u64, f64)]) -> bool {
    let best = eval
        .iter()
        .enumerate()
        .min_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b));
    let (Some((index, (step, lowest))), Some((_, last))) = (best, eval.last()) else {
        return false;
    };
    let since = eval.len() - 1 - index;
    let at_best = train.iter().rev().find(|(at, _)| at <= step);
    let falls = match (at_best, train.last()) {
        (Some((_, then)), Some((_, now))) => now < then,
        _ => false,
    };
    since >= OVERFIT_PATIENCE && *last > lowest * (1.0 + OVERFIT_RISE) && falls
}

fn plateau(train: &[(u64, f64)], eval: &[(u64, f64)]) -> bool {
    let Some(recent) = eval.len().checked_sub(PLATEAU_PATIENCE + 1) else {
        return false;
    };
    let Some(recent) = eval.get(recent..) else {
        return false;
    };
    let Some((since, _)) = recent.first() else {
        return false;
    };
    let tail: Vec<(u64, f64)> = train
        .iter()
        .copied()
        .filter(|(step, _)| step >= since)
        .collect();
    let still = |losses: &[f64]| {
        let high = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = losses.iter().copied().fold(f64::INFINITY, f64::min);
        high - low <= PLATEAU_CHANGE * high.abs()
    };
    let evals: Vec<f64> = recent.iter().map(|(_, loss)| *loss).collect();
    let smooth = smoothed(&tail);
    smooth.len() >= WINDOW && still(&evals) && still(&smooth)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn curve(train: &[f64], eval: &[f64]) -> Curve {
        Curve {
            train: points(train),
            eval: points(eval),
            ..Curve::new("a-b".parse().unwrap())
        }
    }

    const FALLING: [f64; 12] = [2.0, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7];

    #[track_caller]
    fn check(train: &[f64], eval: &[f64], expected: Option<CurveFault>) {
        assert_eq!(curve(train, eval).finding(), expected, "{train:?} {eval:?}");
    }

    #[test]
    fn each_fault_shows_in_the_curve() {
        check(&FALLING, &[], None);
        check(&FALLING, &[1.9, 1.7, 1.5, 1.4, 1.3], None);
        check(&[2.0, f64::NAN], &[], Some(CurveFault::NotANumber));
        check(
            &FALLING,
            &[1.9, f64::INFINITY],
            Some(CurveFault::NotANumber),
        );
        let climbing = [2.0, 1.8, 1.7, 1.7, 1.9, 2.3, 2.8, 3.4, 4.0, 4.6];
        check(&climbing, &[], Some(CurveFault::Diverged));
        let turning = [1.9, 1.5, 1.4, 1.45, 1.5, 1.55];
        check(&FALLING, &turning, Some(CurveFault::Overfit));
        check(&[1.0; 12], &[1.0; 6], Some(CurveFault::Plateau));
    }

    #[test]
    fn noise_at_the_start_is_not_a_fault() {
        check(&[1.0, 4.0, 2.0, 5.0], &[], None);
    }

    #[test]
    fn a_late_plateau_of_the_evaluation_alone_is_not_a_fault() {
        check(&FALLING, &[1.0; 6], None);
    }

    fn checkpoint(id: &str, step: u64) -> Checkpoint {
        Checkpoint {
            id: id.to_owned(),
            epoch: step,
            step,
            endpoint: Some(format!("endpoints/{id}")),
        }
    }

    #[test]
    fn the_checkpoint_with_the_lowest_evaluation_loss_is_best() {
        let checkpoints = [checkpoint("1", 2), checkpoint("2", 4), checkpoint("3", 6)];
        let turning = curve(&FALLING, &[1.9, 1.5, 1.4, 1.3, 1.5, 1.55]);
        assert_eq!(turning.best_checkpoint(&checkpoints).unwrap().id, "2");
        let blind = curve(&FALLING, &[]);
        assert_eq!(blind.best_checkpoint(&checkpoints).unwrap().id, "3");
        let lost = curve(&[1.0, 1.0, 1.0, f64::NAN], &[]);
        assert_eq!(lost.best_checkpoint(&checkpoints).unwrap().id, "1");
    }

    proptest! {
        #[test]
        fn a_curve_that_only_falls_is_healthy(
            start in 1.0..5.0_f64,
            steps in prop::collection::vec(0.01..0.05_f64, 8..60),
        ) {
            let mut loss = start;
            let losses: Vec<f64> = steps.iter().map(|step| { loss *= 1.0 - step; loss }).collect();
            prop_assert_eq!(curve(&losses, &losses).finding(), None);
        }
    }
}
