//! A histogram of exact values: true percentiles in memory that does not grow with the rows.

use std::collections::BTreeMap;

use crate::report::Distribution;

/// Values below this are counted in a vector; the few above, in a map.
const LISTED: u32 = 1 << 17;

/// How often each value occurred.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    listed: Vec<u64>,
    larger: BTreeMap<u32, u64>,
}

impl Histogram {
    /// Counts `value`.
    pub(super) fn add(&mut self, value: u32) {
        if value >= LISTED {
            *self.larger.entry(value).or_default() += 1;
            return;
        }
        let at = usize::try_from(value).unwrap_or(usize::MAX);
        if at >= self.listed.len() {
            self.listed.resize(at + 1, 0);
        }
        if let Some(count) = self.listed.get_mut(at) {
            *count += 1;
        }
    }

    /// Every value that occurred and how often, in ascending order.
    fn values(&self) -> impl Iterator<Item = (u32, u64)> {
        let listed = (0..).zip(self.listed.iter().copied());
        let larger = self.larger.iter().map(|(value, count)| (*value, *count));
        listed.filter(|(_, count)| *count > 0).chain(larger)
    }

    /// The distribution of the values.
    pub(super) fn distribution(&self) -> Distribution {
        let (mut sum, mut rows) = (0, 0);
        for (value, count) in self.values() {
            sum += u64::from(value) * count;
            rows += count;
        }
        Distribution {
            min: self.values().next().map_or(0, |(value, _)| value),
            mean: sum.checked_div(rows).unwrap_or_default(),
            p50: self.percentile(50, rows),
            p95: self.percentile(95, rows),
            max: self.values().last().map_or(0, |(value, _)| value),
            sum,
        }
    }

    /// The smallest value that at least `percent` of all `rows` do not exceed (nearest rank).
    fn percentile(&self, percent: u64, rows: u64) -> u32 {
        let rank = (rows * percent).div_ceil(100);
        let mut passed = 0;
        let reached = |(_, count): &(u32, u64)| {
            passed += count;
            passed >= rank
        };
        self.values().find(reached).map_or(0, |(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(values: impl IntoIterator<Item = u32>) -> Distribution {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.add(value);
        }
        histogram.distribution()
    }

    #[test]
    fn a_distribution_names_nearest_ranks() {
        let expected = Distribution {
            min: 1,
            mean: 50,
            p50: 50,
            p95: 95,
            max: 100,
            sum: 5050,
        };
        assert_eq!(distribution((1..=100).rev()), expected);
        assert_eq!(distribution([]), Distribution::default());
        assert_eq!(distribution([7]).p95, 7);
        let large = distribution([5, LISTED + 3, 1, LISTED]);
        assert_eq!(
            (large.min, large.p50, large.p95, large.max),
            (1, 5, LISTED + 3, LISTED + 3)
        );
    }
}
