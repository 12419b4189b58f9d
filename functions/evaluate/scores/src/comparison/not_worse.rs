//! "Not worse by more than a margin" for rows that are right or wrong: exact, whatever share of rows the
//! models differ on.
//!
//! The score is Tango's for the difference of two paired shares; its chance is the largest over all truths at
//! the margin (an unconditional test). The bootstrap that is often used here lets a model that is five points
//! worse pass in 22 to 60 % of comparisons with 10 to 30 rows.
//!
//! Source: T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
//! paired-sample design", Statistics in Medicine 17, 1998.

use super::{float, gamma::ln_gamma};

/// The chance below which "not worse" is claimed at the planned end, once: 2 %, of 2.5 % in all.
pub const ERROR_AT_END: f64 = 0.02;
/// Above so many rows the score is compared with a number, since the exact chance takes long.
const EXACT_ROWS_MAX: usize = 500;
/// The score that is enough there: its error is at most 1.8 % up to 1,200 rows.
const SCORE_ENOUGH: f64 = 2.13;
/// Truths at the margin that are tried.
const TRUTHS: u32 = 200;
/// Two scores that differ by less are the same: both come from the same counts by rounding.
const SAME: f64 = 1e-9;

/// The rows of a comparison, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Rows that only the candidate has right.
    pub wins: usize,
    /// Rows that only the other model has right.
    pub losses: usize,
    /// All rows.
    pub rows: usize,
}

/// Whether `tally` proves at the planned end that the candidate is worse by less than `margin`.
pub fn is_not_worse(tally: Tally, margin: f64) -> bool {
    if tally.rows == 0 || !(margin > 0.0 && margin < 1.0) {
        return false;
    }
    if tally.rows > EXACT_ROWS_MAX {
        return score(tally, margin) >= SCORE_ENOUGH;
    }
    chance(tally, margin) <= ERROR_AT_END
}

/// Tango's score: how far the difference lies above minus the margin, in standard deviations.
pub fn score(tally: Tally, margin: f64) -> f64 {
    let (wins, losses, rows) = (float(tally.wins), float(tally.losses), float(tally.rows));
    let least = -margin;
    // The most likely share of rows lost, if the difference is the least: the root of a quadratic.
    let square = 2.0 * rows;
    let linear = -wins - losses + (2.0 * rows - wins + losses) * least;
    let constant = -losses * least * (1.0 - least);
    let root = (linear * linear - 4.0 * square * constant).max(0.0).sqrt();
    let lost = (root - linear) / (2.0 * square);
    let variance = rows * (2.0 * lost + least * (1.0 - least));
    let above = wins - losses - rows * least;
    if variance > 0.0 {
        return above / variance.sqrt();
    }
    if above > 0.0 {
        f64::INFINITY
    } else {
        f64::NEG_INFINITY
    }
}

/// The chance of a score at least as high although the candidate is worse by `margin`: the largest over the
/// shares of rows on which the models may differ.
pub fn chance(tally: Tally, margin: f64) -> f64 {
    let rows = tally.rows;
    let observed = score(tally, margin) - SAME;
    // The score rises with wins and falls with losses, so that for each number of wins those that reach it are
    // a range.
    let mut losses = 0;
    let losses_max: Vec<Option<usize>> = (0..=rows)
        .map(|wins| {
            let reaches = |losses| score(Tally { wins, losses, rows }, margin) >= observed;
            while losses + 1 + wins <= rows && reaches(losses + 1) {
                losses += 1;
            }
            let losses = losses.min(rows - wins);
            reaches(losses).then_some(losses)
        })
        .collect();
    let log_factorials: Vec<f64> = (0..=rows).map(|n| ln_gamma(float(n) + 1.0)).collect();
    let truths = (0..=TRUTHS).map(|truth| {
        let win = f64::from(truth) / f64::from(TRUTHS) * (1.0 - margin) / 2.0;
        region(&losses_max, &log_factorials, win, win + margin)
    });
    truths.fold(0.0, f64::max)
}

/// The chance of the region, where a row is won with chance `win` and lost with chance `loss`.
fn region(losses_max: &[Option<usize>], log_factorials: &[f64], win: f64, loss: f64) -> f64 {
    let rows = losses_max.len().saturating_sub(1);
    let tie = (1.0 - win - loss).max(0.0);
    let factorial = |n: usize| log_factorials.get(n).copied().unwrap_or(f64::INFINITY);
    // One logarithm for each of the chances, not for each of the counts: there are some 100,000 at 500 rows.
    let (log_win, log_loss, log_tie) = (win.ln(), loss.ln(), tie.ln());
    let mut sum = 0.0;
    for (wins, most) in losses_max.iter().enumerate() {
        let Some(most) = *most else { continue };
        let of_wins = factorial(rows) - factorial(wins) + log_power(log_win, wins);
        for losses in 0..=most {
            let ties = rows - wins - losses;
            let log = of_wins - factorial(losses) - factorial(ties)
                + log_power(log_loss, losses)
                + log_power(log_tie, ties);
            // What is below has no effect on the sum.
            if log > -45.0 {
                sum += log.exp();
            }
        }
    }
    sum
}

/// The logarithm of a power, from that of its base, where 0 to the power of 0 is 1.
fn log_power(log_base: f64, times: usize) -> f64 {
    if times == 0 {
        0.0
    } else {
        float(times) * log_base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn passes(wins: usize, losses: usize, rows: usize, margin: f64) -> bool {
        is_not_worse(Tally { wins, losses, rows }, margin)
    }

    #[test]
    fn ties_alone_prove_it_only_with_enough_rows() {
        for (margin, enough) in [(0.02, 211), (0.05, 84), (0.1, 43)] {
            assert!(passes(0, 0, enough, margin), "{margin}");
            assert!(!passes(0, 0, enough - 1, margin), "{margin}");
        }
    }

    #[test]
    fn more_wins_or_fewer_losses_never_take_it_away() {
        for rows in [10, 43, 80] {
            for margin in [0.05, 0.1] {
                let pass = |wins, losses| passes(wins, losses, rows, margin);
                for wins in 0..rows.min(12) {
                    for losses in 0..(rows - wins).min(8) {
                        if pass(wins, losses + 1) {
                            assert!(pass(wins, losses), "{wins} {losses} {rows}");
                            assert!(pass(wins + 1, losses), "{wins} {losses} {rows}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn thirty_rows_do_not_show_a_small_margin() {
        // Truly five points worse, a bootstrap claims "not worse by 2" in 22 to 60 % with up to 30 rows: each
        // comparison without a loss. Here such a comparison claims nothing.
        for rows in [10, 20, 30] {
            assert!(!passes(0, 0, rows, 0.02));
            assert!(!passes(1, 0, rows, 0.02));
        }
    }
}
