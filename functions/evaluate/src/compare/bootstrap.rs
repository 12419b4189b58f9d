//! How certain a mean difference is: the percentile bootstrap over pairs.
//!
//! Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13; for paired scores of language systems
//! Koehn, "Statistical significance tests for machine translation evaluation", 2004. It assumes nothing about the distribution
//! of the scores, which here cluster at 0 and 1. Its intervals are too narrow with few rows, hence the minimum number of rows
//! for a verdict.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

/// Most resamples, whatever the caller asks for: 100,000 of 10,000 rows are a billion additions.
const RESAMPLES_MAX: u32 = 100_000;

/// The 95 % interval of the mean of `differences`; `None` without differences.
///
/// The generator is named, because the standard one may change with its crate, and a verdict must be reproducible.
pub(super) fn interval(differences: &[f64], resamples: u32, seed: u64) -> Option<(f64, f64)> {
    let rows = differences.len();
    if rows == 0 {
        return None;
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..resamples.clamp(1, RESAMPLES_MAX))
        .map(|_| {
            let drawn = (0..rows).filter_map(|_| differences.get(random.random_range(0..rows)));
            drawn.sum::<f64>() / super::count(rows)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    // 2.5 % of the resamples lie below the interval, and 2.5 % above it.
    let outside = means.len() / 40;
    let low = means.get(outside)?;
    let high = means.get(means.len() - 1 - outside)?;
    Some((*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_mean_and_narrows_with_rows() {
        let few: Vec<f64> = (0..20).map(|n| f64::from(n % 5) / 10.0).collect();
        let many = few.repeat(25);
        let width = |differences: &[f64]| {
            let (low, high) = interval(differences, 2_000, 1).unwrap();
            assert!(low < 0.2 && 0.2 < high, "{low} to {high}");
            high - low
        };
        // Twenty-five times the rows, a fifth of the width.
        let ratio = width(&few) / width(&many);
        assert!((4.0..6.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn it_agrees_with_the_normal_interval_where_that_is_right() {
        // 400 rows, half 0 and half 1: mean 0.5, deviation 0.5, so ± 1.96 · 0.5 / 20 = 0.049.
        let differences: Vec<f64> = (0..400).map(|n| f64::from(n % 2)).collect();
        let (low, high) = interval(&differences, 10_000, 7).unwrap();
        assert!((low - 0.451).abs() < 0.004, "{low}");
        assert!((high - 0.549).abs() < 0.004, "{high}");
    }

    #[test]
    fn equal_differences_have_an_interval_of_width_0() {
        assert_eq!(interval(&[0.25; 30], 100, 1), Some((0.25, 0.25)));
        assert_eq!(interval(&[0.5], 100, 1), Some((0.5, 0.5)));
        assert_eq!(interval(&[], 100, 1), None);
        assert_eq!(interval(&[0.5], 0, 1), Some((0.5, 0.5)));
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let differences: Vec<f64> = (0..50).map(|n| f64::from(n * 7 % 11) / 11.0).collect();
        assert_eq!(
            interval(&differences, 500, 3),
            interval(&differences, 500, 3)
        );
        assert_ne!(
            interval(&differences, 500, 3),
            interval(&differences, 500, 4)
        );
    }
}
