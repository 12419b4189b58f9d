//! All rows at once, once: where their answers are paid for anyway, as for files of predictions.

use super::{float, gamma::ln_gamma, pseudo_row};

/// The chance, both directions together, below which a difference is claimed.
pub const ERROR: f64 = 0.05;

/// A difference that is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The candidate is better.
    Better,
    /// The candidate is worse.
    Worse,
}

/// The exact two-sided sign test: the chance of a split of the rows that differ at least as uneven as this one,
/// if each is the toss of a fair coin (the exact form of the test of `McNemar`).
pub fn sign_test(wins: usize, losses: usize) -> f64 {
    let differing = wins + losses;
    let most = wins.max(losses);
    if most * 2 == differing {
        return 1.0;
    }
    let log_choose = |k: usize| {
        ln_gamma(float(differing) + 1.0)
            - ln_gamma(float(k) + 1.0)
            - ln_gamma(float(differing - k) + 1.0)
    };
    let power = float(differing) * std::f64::consts::LN_2;
    let tail: f64 = (most..=differing)
        .map(|k| (log_choose(k) - power).exp())
        .sum();
    (2.0 * tail).min(1.0)
}

/// What rows that are right or wrong prove at once.
pub fn of_counts(wins: usize, losses: usize) -> Option<Direction> {
    (sign_test(wins, losses) <= ERROR).then(|| direction(wins > losses))
}

/// What scores prove at once: the bootstrap with a row at the worst value, each direction at half the error.
pub fn of_scores(differences: &[f64]) -> Option<Direction> {
    if pseudo_row::chance_below(differences, 0.0) <= ERROR / 2.0 {
        return Some(Direction::Better);
    }
    let negated: Vec<f64> = differences.iter().map(|difference| -difference).collect();
    (pseudo_row::chance_below(&negated, 0.0) <= ERROR / 2.0).then_some(Direction::Worse)
}

fn direction(better: bool) -> Direction {
    if better {
        Direction::Better
    } else {
        Direction::Worse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_test_is_exact() {
        assert!((sign_test(6, 0) - 0.031_25).abs() < 1e-12);
        assert!((sign_test(9, 1) - 0.021_484_375).abs() < 1e-12);
        assert!((sign_test(5, 5) - 1.0).abs() < 1e-12);
        assert_eq!(
            (of_counts(6, 0), of_counts(5, 0)),
            (Some(Direction::Better), None)
        );
    }

    #[test]
    fn the_worse_of_two_published_models_loses() {
        // gsm8k's model solutions: verification of the small model against the large one, 39.0 % and 34.7 %
        // right. ROUGE-L says the opposite.
        assert_eq!(of_counts(152, 209), Some(Direction::Worse));
        assert!((sign_test(152, 209) - 0.003).abs() < 0.000_5);
        for (wins, losses) in [(293, 64), (260, 88), (499, 43), (306, 79), (360, 76)] {
            assert_eq!(of_counts(wins, losses), Some(Direction::Better));
            assert_eq!(of_counts(losses, wins), Some(Direction::Worse));
        }
    }

    #[test]
    fn scores_need_more_than_their_mean() {
        let some: Vec<f64> = (0..100).map(|n| f64::from(n % 7) / 20.0 - 0.1).collect();
        assert_eq!(of_scores(&some), Some(Direction::Better));
        let skewed: Vec<f64> = (0..50).map(|_| 0.01).collect();
        assert_eq!(
            of_scores(&skewed),
            None,
            "a rare large loss was not seen yet"
        );
    }
}
