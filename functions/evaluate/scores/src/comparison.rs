//! What the scores of two models on the same rows allow to claim.
//!
//! Rows are looked at one by one, in an order drawn beforehand, and the comparison stops as soon as something
//! is proven. That costs no certainty: the evidence is a bet against "no difference" (a test martingale), and
//! by Ville's inequality a bet that cannot be won on average multiplies its stake by twenty at any time with
//! a chance of at most one in twenty, however often one looks.
//!
//! | file | holds |
//! |---|---|
//! | `coin.rs` | rows that are right or wrong: the bet on which model wins the rows that differ |
//! | `bets.rs` | scores between 0 and 1: the bet on the mean difference, and its interval |
//! | `not_worse.rs`, `pseudo_row.rs` | "not worse by more than a margin": exact, and for scores |
//! | `fixed.rs` | all rows at once, where they are paid for anyway |
//! | `sources.rs` | rows that come from one document: one bet for each |
//! | `canary.rs` | callers who are served by either of two models at the same time |
//! | `outlook.rs` | what a number of rows can show, before they are asked, and when asking on is hopeless |
//! | `sequential.rs` | the comparison of two models, row by row |
//! | `verdict.rs` | what follows, in the order in which claims go before others |

pub mod bets;
pub mod canary;
pub mod coin;
pub mod fixed;
mod gamma;
pub mod not_worse;
pub mod outlook;
pub mod pseudo_row;
pub mod sequential;
pub mod sources;
pub mod verdict;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod random;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tables;

/// The evidence at which a claim is made, for a chance of 5 % that either claim is false.
pub const THRESHOLD: f64 = 20.0;

/// Counts as floating-point numbers: rows are far fewer than 2^52.
#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// The logarithm of a sum, from the logarithms of its terms.
pub(crate) fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + logs.map(|log| (log - most).exp()).sum::<f64>().ln()
}
