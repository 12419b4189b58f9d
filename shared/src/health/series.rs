//! Robust statistics of a noisy series: levels, noise, trends.
//!
//! Medians and their spread stand in for means and variances, since single steps of a training loss
//! have heavy tails: Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", 1993,
//! <https://doi.org/10.1080/01621459.1993.10476408>.

use crate::curve::Point;

/// What turns a median absolute deviation into the standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;
/// The standard error of a median, as a multiple of that of a mean, for normal noise.
const MEDIAN_ERROR: f64 = 1.2533;

/// A finite value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LossSample {
    /// The step.
    pub(super) step: u64,
    /// The value.
    pub(super) value: f64,
}

/// The points that are finite numbers, in their order.
pub(super) fn finite(points: &[Point]) -> Vec<LossSample> {
    let sample = |point: &Point| {
        let value = point.loss.filter(|loss| loss.is_finite())?;
        Some(LossSample {
            step: point.step,
            value,
        })
    };
    points.iter().filter_map(sample).collect()
}

/// A count as a number.
pub(super) fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// A step as a number.
pub(super) fn real_step(step: u64) -> f64 {
    u32::try_from(step).map_or(f64::INFINITY, f64::from)
}

/// The values alone.
pub(super) fn values(samples: &[LossSample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.value).collect()
}

/// The last `count` of `items`, or all of them.
pub(super) fn tail<T>(items: &[T], count: usize) -> &[T] {
    items
        .get(items.len().saturating_sub(count)..)
        .unwrap_or(items)
}

/// The first `count` of `items`, or all of them.
pub(super) fn head<T>(items: &[T], count: usize) -> &[T] {
    items.get(..count).unwrap_or(items)
}

/// The middle value; 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.saturating_sub(1)), at(middle))
    }
}

/// The standard deviation that the median distance from the median implies.
pub(super) fn spread(values: &[f64]) -> f64 {
    let center = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    MAD_TO_SIGMA * median(&distances)
}

/// The standard deviation of the noise of a series that also has a trend.
///
/// Each value is compared with the middle between its neighbours, which removes a straight trend:
/// Gasser, Sroka and Jennen-Steinmetz, "Residual variance and residual pattern in nonlinear
/// regression", 1986, <https://doi.org/10.1093/biomet/73.3.625>.
pub(super) fn noise(values: &[f64]) -> f64 {
    noise_apart(values, 1)
}

/// The same, from neighbours that are `lag` values apart: where neighbouring values are correlated,
/// a longer lag shows more of the noise.
pub(super) fn noise_apart(values: &[f64], lag: usize) -> f64 {
    let middles = values.iter().skip(lag);
    let after = values.iter().skip(2 * lag);
    let residuals = values.iter().zip(middles).zip(after);
    let magnitudes: Vec<f64> = residuals
        .map(|((before, value), after)| (value - f64::midpoint(*before, *after)).abs())
        .collect();
    // Var(residual) = 3/2 · Var(noise).
    MAD_TO_SIGMA * median(&magnitudes) * (2.0_f64 / 3.0).sqrt()
}

/// The standard error of the median of `count` values with that much noise.
pub(super) fn median_error(noise: f64, count: usize) -> f64 {
    MEDIAN_ERROR * noise / real(count.max(1)).sqrt()
}

/// A stretch of a series, by its median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    /// The step of its first value.
    pub(super) from: u64,
    /// The step of its last value.
    pub(super) to: u64,
    /// The median of its values.
    pub(super) value: f64,
    /// The noise of one value in it.
    pub(super) noise: f64,
}

/// The levels of stretches of `width` values without overlap, so that the last one ends with the
/// series; what is left over at the start is added to the first.
pub(super) fn levels(samples: &[LossSample], width: usize) -> Vec<Level> {
    let mut levels: Vec<Level> = samples
        .rchunks(width.max(1))
        .filter(|chunk| chunk.len() == width)
        .filter_map(|chunk| {
            let values = values(chunk);
            Some(Level {
                from: chunk.first()?.step,
                to: chunk.last()?.step,
                value: median(&values),
                noise: noise(&values),
            })
        })
        .collect();
    levels.reverse();
    levels
}

/// The standard error of a level, from how much levels differ from one to the next.
///
/// Unlike an error from the noise of single values, this one holds where neighbouring values are
/// correlated (the method of batch means: Flegal and Jones, "Batch means and spectral variance
/// estimators in Markov chain Monte Carlo", 2010, <https://doi.org/10.1214/09-AOS735>).
pub(super) fn batch_error(levels: &[Level]) -> f64 {
    let changes: Vec<f64> = levels
        .windows(2)
        .filter_map(|pair| Some(pair.last()?.value - pair.first()?.value))
        .collect();
    spread(&changes) / 2.0_f64.sqrt()
}

/// The slope of a least-squares line by index, and the error of the slope for that much noise.
pub(super) fn slope(values: &[f64], noise: f64) -> (f64, f64) {
    let count = real(values.len());
    let middle = (count - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let (mut product, mut square) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let distance = real(index) - middle;
        product += distance * (value - mean);
        square += distance * distance;
    }
    if square > 0.0 {
        (product / square, noise / square.sqrt())
    } else {
        (0.0, f64::INFINITY)
    }
}
