//! The training loss swings up and down regularly.
//!
//! A swing differs from noise in that it comes back: at one half of its period the loss is
//! anti-correlated with itself, at two halves correlated, at three anti-correlated again. Noise, correlated or
//! not, does not alternate (autocorrelation of a first-order autoregression is positive and dies out; Box,
//! Jenkins and Reinsel, "Time Series Analysis", chapter 3), nor does what a bent trend leaves. So the signs are
//! taken off and the correlations averaged: that shows a swing below the noise, which no single one does.

use super::{
    finding::{EvidenceName, HealthCode, HealthFinding},
    observed::Observed,
    series::{self, Level, LossSample},
};

/// Bins that are examined.
const POINTS: std::ops::RangeInclusive<usize> = 32..=400;
/// Bins that the points are put into, each with the median of its points.
const BINS: [usize; 3] = [400, 120, 50];
/// Half periods whose correlations are averaged, as far as they fit.
const HALVES: usize = 4;
/// The smallest mean correlation, signs taken off: the share of the swing in what the line leaves.
const CORRELATION: f64 = 0.25;
/// Standard errors that the mean must have, each of `1/√n` for one correlation. The best of some hundred periods
/// lies some three above its middle by chance, and a run is examined some hundred times.
const ERRORS: f64 = 5.5;
/// The smallest swing, as a share of the level.
const AMPLITUDE: f64 = 0.15;
/// Periods that must fit into the points.
const PERIODS: usize = 3;

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
    let count = series::real(values.len());
    let correlation = |lag: usize| {
        let later = residuals.iter().skip(lag);
        let product = residuals.iter().zip(later).map(|(a, b)| a * b).sum::<f64>();
        // Fewer pairs at longer lags.
        product / power * count / series::real(residuals.len() - lag)
    };
    let best = (2..=values.len() / PERIODS)
        .map(|period| alternation(period, values.len(), correlation))
        .max_by(|a, b| a.excess().total_cmp(&b.excess()))?;
    // Of a swing and of noise, the correlation is the share of the swing.
    let amplitude = (2.0 * best.mean.max(0.0) * power / count).sqrt() / level.abs();
    let span = samples.last()?.step - samples.first()?.step;
    let swings = power > 0.0 && best.alternates && best.excess() > 0.0 && amplitude > AMPLITUDE;
    swings.then_some(Swing {
        since: samples.first()?.step,
        amplitude,
        period: series::real(best.period) * series::real_step(span) / count,
    })
}

/// How a loss correlates with itself at the halves of a period.
struct Alternation {
    period: usize,
    /// The mean of the correlations, signs taken off.
    mean: f64,
    /// The mean that a swing must have.
    needed: f64,
    /// Whether the first two have the signs of a swing.
    alternates: bool,
}

impl Alternation {
    fn excess(&self) -> f64 {
        self.mean - self.needed
    }
}

fn alternation(period: usize, points: usize, correlation: impl Fn(usize) -> f64) -> Alternation {
    // Beyond half of the points too few pairs are left.
    let lags = (1..=HALVES).map(|half| (half * period).div_ceil(2));
    let found: Vec<f64> = lags
        .take_while(|lag| *lag <= points / 2)
        .zip([-1.0, 1.0].into_iter().cycle())
        .map(|(lag, sign)| sign * correlation(lag))
        .collect();
    let halves = series::real(found.len());
    Alternation {
        period,
        mean: found.iter().sum::<f64>() / halves.max(1.0),
        needed: CORRELATION.max(ERRORS / (series::real(points) * halves).sqrt()),
        alternates: found.iter().take(2).all(|it| *it > 0.0) && found.len() >= 2,
    }
}
