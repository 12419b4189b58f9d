//! The training loss swings up and down regularly.
//!
//! A swing differs from noise in that it comes back: at half of its period the loss is
//! anti-correlated with itself, at a whole one correlated. Noise, correlated or not, does neither
//! (autocorrelation of a first-order autoregression is positive and dies out; Box, Jenkins and
//! Reinsel, "Time Series Analysis", chapter 3).

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
    series::{self, Level, LossSample},
};

/// Bins that are examined.
const POINTS: std::ops::RangeInclusive<usize> = 32..=400;
/// Bins that the points are put into, each with the median of its points.
const BINS: [usize; 3] = [400, 120, 50];
/// The correlation at half a period is below minus this, that at a whole one above this.
const CORRELATION: f64 = 0.3;
/// Standard errors that a correlation must have, each of `1/√n`.
const ERRORS: f64 = 4.0;
/// The smallest swing, as a share of the level.
const AMPLITUDE: f64 = 0.15;
/// Periods that must fit into the points.
const PERIODS: usize = 2;

/// The finding, if there is one.
pub(super) fn examine(observed: &Observed<'_>) -> Option<HealthFinding> {
    let train = series::finite(&observed.curve.train);
    let newest = series::tail(&train, train.len() * 3 / 4);
    // Wider bins are less noisy and miss fast swings.
    let swing = BINS
        .iter()
        .find_map(|bins| swing(&binned(newest, newest.len().div_ceil(*bins))))?;
    Some(HealthFinding::new(
        HealthCode::Oscillating,
        Some(swing.since),
        format!(
            "the training loss swings by {:.0} % of its level about every {:.0} steps",
            swing.amplitude * 100.0,
            swing.period
        ),
        &[
            (EvidenceName::Amplitude, swing.amplitude),
            (EvidenceName::Period, swing.period),
        ],
    ))
}

/// A regular swing.
struct Swing {
    since: u64,
    /// As a share of the level.
    amplitude: f64,
    /// In steps.
    period: f64,
}

/// The medians of `width` points each.
fn binned(samples: &[LossSample], width: usize) -> Vec<LossSample> {
    let bin = |level: &Level| LossSample {
        step: level.from,
        value: level.value,
    };
    series::levels(samples, width).iter().map(bin).collect()
}

fn swing(samples: &[LossSample]) -> Option<Swing> {
    let values = series::values(samples);
    if !POINTS.contains(&values.len()) {
        return None;
    }
    let level = series::median(&values);
    let (slope, _) = series::slope(&values, 0.0);
    let middle = series::real(values.len() - 1) / 2.0;
    // Outliers count as much as the edge of the noise, not more.
    let edge = 3.0 * series::spread(&values);
    let residuals: Vec<f64> = (0..values.len())
        .zip(&values)
        .map(|(at, value)| (value - level - slope * (series::real(at) - middle)).clamp(-edge, edge))
        .collect();
    let power = residuals.iter().map(|it| it * it).sum::<f64>();
    let needed = CORRELATION.max(ERRORS / series::real(values.len()).sqrt());
    let correlation = |lag: usize| {
        let later = residuals.iter().skip(lag);
        let product = residuals.iter().zip(later).map(|(a, b)| a * b).sum::<f64>();
        // Fewer pairs at longer lags.
        product / power * series::real(residuals.len()) / series::real(residuals.len() - lag)
    };
    let lags = 1..=values.len() / (2 * PERIODS);
    let (half, lowest) = lags
        .map(|lag| (lag, correlation(lag)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let (period, highest) = (half + half.div_ceil(2)..=2 * half + half.div_ceil(2))
        .map(|lag| (lag, correlation(lag)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    // Of a swing and of noise, the correlation is the share of the swing.
    let share = f64::midpoint(highest, -lowest).max(0.0);
    let amplitude = (2.0 * share * power / series::real(values.len())).sqrt() / level.abs();
    let span = samples.last()?.step - samples.first()?.step;
    let swings = power > 0.0 && lowest < -needed && highest > needed && amplitude > AMPLITUDE;
    swings.then_some(Swing {
        since: samples.first()?.step,
        amplitude,
        period: series::real(period) * series::real_step(span) / series::real(values.len()),
    })
}
