//! 95 % intervals of the difference that agree with the tests: 0 lies outside exactly when one side is proven.

use crate::{comparison::pseudo_row, metric::count};

/// The chance beyond each end.
const TAIL: f64 = 0.025;
/// Halvings of a bracket: to a millionth and below.
const HALVINGS: u32 = 22;

/// For rows that are right or wrong: Clopper and Pearson's interval of the share of wins among the rows that
/// differ, times the share of rows that differ. Its ends agree with the exact sign test.
pub(super) fn of_counts(wins: usize, losses: usize, rows: usize) -> (f64, f64) {
    let differing = wins + losses;
    let share = count(differing) / count(rows.max(1));
    let log_choose = log_choose(differing);
    let difference = |chance: f64| share * (2.0 * chance - 1.0);
    let low = if wins == 0 {
        0.0
    } else {
        halve(0.0, 1.0, |chance| {
            at_least(&log_choose, wins, chance) > TAIL
        })
    };
    let high = if losses == 0 {
        1.0
    } else {
        1.0 - halve(0.0, 1.0, |chance| {
            at_least(&log_choose, losses, chance) > TAIL
        })
    };
    (difference(low), difference(high))
}

/// For scores: where the chance of the bootstrap with a row at the worst value is `TAIL`.
pub(super) fn of_scores(differences: &[f64]) -> (f64, f64) {
    let mean = differences.iter().sum::<f64>() / count(differences.len().max(1));
    let low = bound(differences, mean);
    let negated: Vec<f64> = differences.iter().map(|difference| -difference).collect();
    (low, -bound(&negated, -mean))
}

/// The largest bound that the mean is above of, with the chance of error `TAIL`.
fn bound(differences: &[f64], mean: f64) -> f64 {
    // A few steps suffice for three digits, which is all that is shown; each takes milliseconds.
    let (mut low, mut high) = (-1.0, mean);
    let squares = differences
        .iter()
        .map(|difference| (difference - mean).powi(2));
    let error = squares.sum::<f64>().sqrt() / count(differences.len().max(1));
    // Nearly always within four standard errors and the row at the worst value.
    let near = mean - 4.0 * error - 8.0 * (1.0 + mean) / count(differences.len() + 1);
    if near > low && pseudo_row::chance_below(differences, near) <= TAIL {
        low = near;
    }
    while high - low > 2e-5 {
        let middle = f64::midpoint(low, high);
        if pseudo_row::chance_below(differences, middle) <= TAIL {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The point of a bracket where the condition begins to hold, on the side where it does not.
fn halve(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// The logarithm of the number of ways to choose k of n, for every k.
fn log_choose(n: usize) -> Vec<f64> {
    let mut logs = Vec::with_capacity(n + 1);
    let mut log = 0.0;
    logs.push(log);
    for k in 1..=n {
        log += (count(n - k + 1) / count(k)).ln();
        logs.push(log);
    }
    logs
}

/// The chance of at least `wins` tosses of a coin that falls so with this chance.
fn at_least(log_choose: &[f64], wins: usize, chance: f64) -> f64 {
    let (log_win, log_loss) = (chance.ln(), (1.0 - chance).ln());
    let n = log_choose.len() - 1;
    let terms = log_choose.iter().enumerate().skip(wins);
    let terms = terms.map(|(k, log)| (log + count(k) * log_win + count(n - k) * log_loss).exp());
    terms.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_interval_of_clopper_and_pearson() {
        // 8 of 10: 0.4439 to 0.9748 (Clopper and Pearson, 1934).
        let (low, high) = of_counts(8, 2, 10);
        assert!((low - (2.0 * 0.443_905 - 1.0)).abs() < 1e-5, "{low}");
        assert!((high - (2.0 * 0.974_786 - 1.0)).abs() < 1e-5, "{high}");
        let (low, high) = of_counts(0, 0, 10);
        assert!(low.abs() < 1e-12 && high.abs() < 1e-12);
        // 6 to 0 is proven, 5 to 0 is not.
        assert!(of_counts(6, 0, 100).0 > 0.0 && of_counts(5, 0, 100).0 < 0.0);
        assert!(of_counts(0, 6, 100).1 < 0.0 && of_counts(0, 5, 100).1 > 0.0);
    }

    #[test]
    fn intervals_of_scores_hold_the_mean() {
        let differences: Vec<f64> = (0..100).map(|n| f64::from(n % 7) / 20.0 - 0.1).collect();
        let (low, high) = of_scores(&differences);
        assert!(
            low > 0.0 && low < 0.047 && high > 0.047 && high < 0.15,
            "{low} {high}"
        );
    }
}
