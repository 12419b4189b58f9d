//! The evaluation loss rises while the training loss does not.
//!
//! Since its best level the evaluation loss must have a rising trend that is significant against its
//! own noise, and a level that is higher by a share. The share is small (a few percent), so the
//! significance carries the decision: the threshold allows for the choice of the best point and for
//! an examination at every tick.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
    series::{self, LossSample},
};

/// Evaluations before a curve is judged at all.
const EVALUATIONS_MIN: usize = 5;
/// Evaluations after the best one.
const SINCE_MIN: usize = 3;
/// Evaluations whose median is a level.
const WIDTH: usize = 3;
/// How far the level must have risen above the best one, relative.
const RISE: f64 = 0.03;
/// Standard errors of the rise and of the trend.
const ERRORS: f64 = 5.0;
/// How much a noise that few evaluations show is trusted less: its own error is about this, divided
/// by their number.
const FEW: f64 = 10.0;
/// Evaluations from which on correlated noise is looked for.
const LAG_FROM: usize = 12;
/// The smallest noise that is believed, as a share of the loss.
const NOISE_MIN: f64 = 0.001;
/// The smallest loss that counts as one, as a share of the highest: logarithms have no zero.
const SMALLEST: f64 = 1e-4;
/// Training points whose median is compared, at most.
const TRAIN_WIDTH: usize = 40;

/// The finding, if there is one.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let eval = series::finite(&observed.curve.eval);
    let train = series::finite(&observed.curve.train);
    let turn = turn(&eval)?;
    if climbs(&train, turn.at) {
        return None;
    }
    Some(HealthFinding::new(
        HealthCode::Overfit,
        Some(turn.at),
        format!(
            "the evaluation loss was lowest at step {} ({:.3}) and has risen to {:.3}, while the \
             training loss has not risen",
            turn.at, turn.best, turn.now
        ),
        &[
            (EvidenceName::LossBest, turn.best),
            (EvidenceName::LossNow, turn.now),
            (EvidenceName::Error, turn.error),
        ],
    ))
}

/// An evaluation loss that has turned.
struct Turn {
    at: u64,
    best: f64,
    now: f64,
    error: f64,
}

fn turn(eval: &[LossSample]) -> Option<Turn> {
    if eval.len() < EVALUATIONS_MIN {
        return None;
    }
    let values = logarithms(eval);
    let smooth: Vec<f64> = values.windows(WIDTH).map(series::median).collect();
    let (index, best) = smooth
        .iter()
        .copied()
        .enumerate()
        .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    // The middle of the window.
    let index = index + WIDTH / 2;
    let since = values.get(index..)?;
    let at = eval.get(index)?.step;
    let now = series::median(series::tail(since, WIDTH.max(since.len() / 4)));
    let noise = noise(&values);
    let error = series::median_error(noise, WIDTH) * 2.0_f64.sqrt();
    let (slope, slope_error) = series::slope(since, noise);
    let has_turned = since.len() > SINCE_MIN
        && now - best > RISE.ln_1p()
        && (now - best > ERRORS * error || slope > ERRORS * slope_error)
        && slope > ERRORS / 2.0 * slope_error;
    has_turned.then_some(Turn {
        at,
        best: best.exp(),
        now: now.exp(),
        error: error * best.exp(),
    })
}

/// A share of the loss is a difference of logarithms, and so is the noise of a share.
fn logarithms(eval: &[LossSample]) -> Vec<f64> {
    let highest = eval.iter().map(|it| it.value).fold(0.0, f64::max);
    let log = |it: &LossSample| it.value.max(highest * SMALLEST).ln();
    eval.iter().map(log).collect()
}

/// The noise of an evaluation.
fn noise(values: &[f64]) -> f64 {
    let mut noise = series::noise(values);
    // Correlated noise shows with a longer lag; of few values, so does the turn itself.
    if values.len() >= LAG_FROM {
        noise = noise.max(series::noise_apart(values, 2));
    }
    noise.max(NOISE_MIN) * (1.0 + FEW / series::real(values.len()))
}

/// Whether the training loss is significantly higher than it was at step `at`.
fn climbs(train: &[LossSample], at: u64) -> bool {
    let split = train.partition_point(|sample| sample.step <= at);
    let (before, after) = train.split_at_checked(split).unwrap_or((train, &[]));
    let width = (after.len() / 2).clamp(1, TRAIN_WIDTH);
    let then = series::values(series::tail(before, width));
    let now = series::values(series::tail(after, width));
    if then.is_empty() || now.is_empty() {
        return false;
    }
    let error = series::median_error(
        series::noise(&series::values(series::tail(train, 100))),
        width,
    );
    series::median(&now) - series::median(&then) > 3.0 * error
}
