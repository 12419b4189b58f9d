//! Alignment, from points to one value per series, and reduction, from series to one value per group.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::series::Point;

/// How the points of a period become one value. Distributions keep every value here, so their
/// percentiles are exact, while the service's are as coarse as its buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Aligner {
    /// The newest.
    #[default]
    #[serde(rename = "ALIGN_NONE", alias = "ALIGN_NEXT_OLDER")]
    Newest,
    #[serde(rename = "ALIGN_DELTA", alias = "ALIGN_SUM")]
    Sum,
    /// The sum per second.
    #[serde(rename = "ALIGN_RATE")]
    Rate,
    #[serde(rename = "ALIGN_COUNT")]
    Count,
    #[serde(rename = "ALIGN_MEAN")]
    Mean,
    #[serde(rename = "ALIGN_MIN")]
    Min,
    #[serde(rename = "ALIGN_MAX")]
    Max,
    #[serde(rename = "ALIGN_PERCENTILE_99")]
    Percentile99,
    #[serde(rename = "ALIGN_PERCENTILE_95")]
    Percentile95,
    #[serde(rename = "ALIGN_PERCENTILE_50")]
    Percentile50,
    #[serde(rename = "ALIGN_PERCENTILE_05")]
    Percentile05,
}

/// How the values of a group's series become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Reducer {
    #[serde(rename = "REDUCE_NONE")]
    None,
    #[serde(rename = "REDUCE_SUM")]
    Sum,
    #[serde(rename = "REDUCE_MEAN")]
    Mean,
    #[serde(rename = "REDUCE_MIN")]
    Min,
    #[serde(rename = "REDUCE_MAX")]
    Max,
    #[serde(rename = "REDUCE_COUNT")]
    Count,
}

impl Aligner {
    /// The value of the `period` that ends at `now`; `None` if it has no points.
    pub(super) fn value(
        self,
        points: &VecDeque<Point>,
        period: TimeDelta,
        now: DateTime<Utc>,
    ) -> Option<f64> {
        // Points are sorted by time: the newest are at the back.
        let values: Vec<f64> = points
            .iter()
            .rev()
            .skip_while(|point| point.at > now)
            .take_while(|point| point.at > now - period)
            .map(|point| point.value)
            .collect();
        let newest = values.first()?;
        Some(match self {
            Self::Newest => *newest,
            Self::Sum => values.iter().sum(),
            Self::Rate => values.iter().sum::<f64>() / period.as_seconds_f64(),
            Self::Count => count(&values),
            Self::Mean => values.iter().sum::<f64>() / count(&values),
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Percentile99 => percentile(values, 99),
            Self::Percentile95 => percentile(values, 95),
            Self::Percentile50 => percentile(values, 50),
            Self::Percentile05 => percentile(values, 5),
        })
    }
}

impl Reducer {
    /// Reduces the values of a group, of which there is at least one.
    pub(super) fn value(self, values: &[f64]) -> f64 {
        match self {
            Self::Sum => values.iter().sum(),
            Self::Mean => values.iter().sum::<f64>() / count(values),
            Self::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::None | Self::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Count => count(values),
        }
    }
}

fn count(values: &[f64]) -> f64 {
    // At most some thousands of points: a count that a float represents exactly.
    f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX))
}

/// The nearest-rank percentile: <https://www.itl.nist.gov/div898/handbook/prc/section2/prc262.htm>.
fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_points_within_the_period_are_aligned() {
        let now = crate::clock::Clock::starting_now(1.0).now();
        let points: VecDeque<Point> = [(-70, 9.0), (-50, 1.0), (-20, 4.0), (-10, 2.0), (5, 8.0)]
            .map(|(seconds, value)| Point {
                at: now + TimeDelta::seconds(seconds),
                value,
            })
            .into();
        let period = TimeDelta::seconds(60);
        let check = |aligner: Aligner, expected: f64| {
            let value = aligner.value(&points, period, now).unwrap();
            assert!((value - expected).abs() < 1e-9, "{aligner:?}: {value}");
        };
        check(Aligner::Newest, 2.0);
        check(Aligner::Sum, 7.0);
        check(Aligner::Rate, 7.0 / 60.0);
        check(Aligner::Count, 3.0);
        check(Aligner::Min, 1.0);
        check(Aligner::Max, 4.0);
        check(Aligner::Percentile50, 2.0);
        check(Aligner::Percentile99, 4.0);
        check(Aligner::Percentile05, 1.0);
        let later = now + TimeDelta::hours(1);
        assert_eq!(Aligner::Newest.value(&points, period, later), None);
    }
}
