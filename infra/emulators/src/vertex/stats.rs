//! Distributions in the form of `tuningDataStats`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::number::{count, length, real, whole};

/// Buckets of a histogram.
const BUCKETS: u64 = 10;

/// The distribution of a quantity over the rows of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct DatasetDistribution {
    /// The sum over all rows.
    pub(super) sum: u64,
    min: u64,
    max: u64,
    /// The mean over all rows.
    pub(super) mean: f64,
    median: f64,
    p5: f64,
    p95: f64,
    /// Rows in each of the equal intervals of `min..=max`.
    buckets: Vec<u64>,
}

impl DatasetDistribution {
    /// The distribution of `values`, one per row.
    pub(super) fn of(values: &[u64]) -> Self {
        let mut sorted = values.to_vec();
        let (Some(min), Some(max)) = (values.iter().min(), values.iter().max()) else {
            return Self::default();
        };
        let sum = values.iter().sum();
        let mut buckets = vec![0; length(BUCKETS)];
        for value in values {
            let at = (value - min) * BUCKETS / (max - min + 1);
            if let Some(bucket) = buckets.get_mut(length(at)) {
                *bucket += 1;
            }
        }
        Self {
            sum,
            min: *min,
            max: *max,
            mean: real(sum) / real(count(values.len())),
            median: percentile(&mut sorted, 0.5),
            p5: percentile(&mut sorted, 0.05),
            p95: percentile(&mut sorted, 0.95),
            buckets,
        }
    }

    /// A `SupervisedTuningDatasetDistribution`: sums are int64, hence strings; the rest are doubles.
    pub(super) fn to_json(&self) -> Value {
        let width = real(self.max - self.min + 1) / real(BUCKETS);
        let buckets: Vec<Value> = (0..BUCKETS)
            .zip(&self.buckets)
            .map(|(at, rows)| {
                let left = real(self.min) + real(at) * width;
                json!({ "count": real(*rows), "left": left, "right": left + width })
            })
            .collect();
        json!({
            "sum": self.sum.to_string(),
            "billableSum": self.sum.to_string(),
            "min": real(self.min),
            "max": real(self.max),
            "mean": self.mean,
            "median": self.median,
            "p5": self.p5,
            "p95": self.p95,
            "buckets": buckets,
        })
    }
}

/// The nearest-rank quantile `part` of `values`; 0 if there are none. Sorts them.
pub(super) fn percentile(values: &mut [u64], part: f64) -> f64 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let rank = whole((real(count(last)) * part).round());
    real(values.get(length(rank)).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_counts_every_row() {
        let values: Vec<u64> = (1..=101).collect();
        let spread = DatasetDistribution::of(&values);
        assert_eq!(spread.sum, 5151);
        assert_eq!(spread.buckets.iter().sum::<u64>(), 101);
        let json = spread.to_json();
        assert_eq!(
            (&json["median"], &json["p5"], &json["p95"]),
            (&json!(51.0), &json!(6.0), &json!(96.0))
        );
        assert_eq!(json["billableSum"], "5151", "int64 is a string on the wire");
    }

    #[test]
    fn no_rows_have_an_empty_distribution() {
        assert_eq!(DatasetDistribution::of(&[]).to_json()["buckets"], json!([]));
    }
}
