//! Neither loss has moved since early on, and most of the job is still to come.
//!
//! A flat tail at a low loss is how a healthy run ends, so a plateau is only what never fell: the
//! fall of a straight line through the losses so far is small within bounds that hold for the noise,
//! and the first points were not higher either. Without evaluations there is
//! not enough evidence.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
    series::{self, LossSample},
};

/// Evaluations before a curve is judged at all.
const EVALUATIONS_MIN: usize = 6;
/// Training points before a curve is judged at all.
const POINTS_MIN: usize = 24;
/// The share of the job after which a curve is judged, and up to which there is something to save.
const PROGRESS: std::ops::Range<f64> = 0.35..0.8;
/// The largest fall of the evaluation loss that counts as none, relative, error included.
const FALL_MAX: f64 = 0.04;
/// A fall from the first points to now that counts as learning, relative.
const LEARNED: f64 = 0.04;
/// Standard errors of bounds.
const ERRORS: f64 = 2.0;
/// The first points are one in so many.
const FIRST: [usize; 3] = [50, 20, 10];
/// Standard errors of such a fall: that something was learned is believed easily.
const LEARNED_ERRORS: f64 = 1.75;
/// Levels from which correlated noise is estimated.
const LEVELS: usize = 12;
/// Standard deviations at which a spike is cut off.
const EDGE: f64 = 3.0;
/// The smallest noise that is believed, as a share of the loss.
const NOISE_MIN: f64 = 0.0005;
/// How much a noise that few points show is trusted less: its own error is about this, divided by
/// their number.
const FEW: f64 = 2.0;

/// The finding, if there is one.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let train = series::finite(&observed.curve.train);
    let eval = series::finite(&observed.curve.eval);
    let total = observed.steps_total.filter(|total| *total > 0)?;
    let last = train.last()?.step;
    let progress = series::real_step(last) / series::real_step(total);
    if train.len() < POINTS_MIN || eval.len() < EVALUATIONS_MIN || !PROGRESS.contains(&progress) {
        return None;
    }
    let (of_train, of_eval) = (fall(&train)?, fall(&eval)?);
    let is_flat = of_eval.share.abs() + ERRORS * of_eval.error < FALL_MAX
        && of_train.share < FALL_MAX / 2.0 + ERRORS * of_train.error;
    if !is_flat || has_bent(&eval) || has_learned(&train) || has_learned(&eval) {
        return None;
    }
    Some(HealthFinding::new(
        HealthCode::Plateau,
        train.first().map(|sample| sample.step),
        format!(
            "after {:.0} % of the job the evaluation loss is still {:.3}, within {:.1} % of where \
             it began, and the training loss has not fallen either",
            progress * 100.0,
            of_eval.now,
            (of_eval.share.abs() + ERRORS * of_eval.error) * 100.0
        ),
        &[
            (EvidenceName::LossNow, of_eval.now),
            (EvidenceName::Fall, of_eval.share),
            (EvidenceName::Error, of_eval.error),
        ],
    ))
}

/// How much a loss has fallen along a straight line through all of its points, as a share.
struct Fall {
    share: f64,
    error: f64,
    now: f64,
}

fn fall(samples: &[LossSample]) -> Option<Fall> {
    let values = series::values(samples);
    let middle = series::median(&values);
    if middle <= 0.0 {
        return None;
    }
    // Spikes count as much as the edge of the noise, not more.
    let edge = EDGE * series::spread(&values).max(NOISE_MIN * middle);
    let clipped: Vec<f64> = values
        .iter()
        .map(|value| value.clamp(middle - edge, middle + edge))
        .collect();
    // Correlated noise shows in the levels, not in single points.
    let width = (samples.len() / LEVELS).max(1);
    let batch = series::batch_error(&series::levels(samples, width)) * series::real(width).sqrt();
    let noise = series::noise(&values).max(batch).max(NOISE_MIN * middle);
    let few = 1.0 + FEW / series::real(values.len());
    let (slope, error) = series::slope(&clipped, noise * few);
    let length = series::real(values.len() - 1);
    Some(Fall {
        share: -slope * length / middle,
        error: error * length / middle,
        now: series::median(series::tail(&values, values.len() / 3)),
    })
}

/// Whether it has fallen and risen again, or the other way round: a straight line through that is
/// flat, too.
fn has_bent(samples: &[LossSample]) -> bool {
    let third = (samples.len() / 3).max(1);
    let levels = series::levels(samples, third);
    let values: Vec<f64> = levels.iter().map(|level| level.value).collect();
    let (lowest, highest) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    highest - lowest > FALL_MAX * highest
}

/// Whether the very first points were significantly higher: a run that learned all there is at once.
fn has_learned(samples: &[LossSample]) -> bool {
    let later = series::values(series::tail(samples, samples.len() / 3));
    let (now, noise) = (series::median(&later), series::noise(&later));
    FIRST.iter().any(|share| {
        let width = (samples.len() / share).max(1);
        let then = series::median(&series::values(series::head(samples, width)));
        let error = series::median_error(noise, width);
        then - now > LEARNED * then && then - now > LEARNED_ERRORS * error
    })
}
