//! A canary: a share of the callers is served by the candidate while the others stay, and the outcomes of both
//! say whether the candidate harms.
//!
//! The unit is the caller, however much it sends: a caller's answers agree with each other, and counted one by one
//! half of the healthy canaries would be aborted. New callers form blocks. Given the outcomes of a block, the seats
//! of the candidate in it are the only chance that is left, whatever the hour and the mix of questions, so the
//! evidence is exact under any drift as long as both models are served at the same time.
//!
//! Sources: S. Turner, A. Ly, P. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
//! optional stopping", 2024; J. ter Schure, M. Pérez-Ortiz, A. Ly, P. Grünwald, "The safe logrank test", 2020.

use super::{
    THRESHOLD,
    bets::{Bet, StakeWeights, ZeroBets},
    float, log_sum,
};

/// How many times as bad the candidate may be, each an equal part of the bet.
const RATIOS: [f64; 6] = [1.25, 1.5, 2.0, 3.0, 5.0, 8.0];

/// Consecutive new callers of a block, where a hash seats them and not a draw for each block.
pub const BLOCK: usize = 10;

/// One caller of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeatedUnit {
    /// Whether the candidate answers it.
    pub is_canary: bool,
    /// The share of its answers that were bad, from 0 to 1.
    pub badness: f64,
}

/// The evidence that the candidate's callers fare worse, block by block.
#[derive(Clone, Debug, Default)]
pub struct CanaryEvidence {
    /// The logarithm of the likelihood ratio for each of [`RATIOS`].
    logs: [f64; RATIOS.len()],
}

impl CanaryEvidence {
    /// Counts one block of any length. A block with one model alone says nothing.
    pub fn add_block(&mut self, block: &[SeatedUnit]) {
        for (log, ratio) in self.logs.iter_mut().zip(RATIOS) {
            *log += log_ratio(block, ratio);
        }
    }

    /// The logarithm of the evidence: its mean over the ratios.
    pub fn log_e(&self) -> f64 {
        log_sum(self.logs.iter().copied()) - float(RATIOS.len()).ln()
    }
}

/// The logarithm of the mean of several kinds of evidence: it is evidence again.
pub fn mean_log_e(kinds: &[CanaryEvidence]) -> f64 {
    log_sum(kinds.iter().map(CanaryEvidence::log_e)) - float(kinds.len().max(1)).ln()
}

/// Whether evidence with this logarithm is enough to roll back: in at most 5 % of the canaries that harm no one.
pub fn is_harmful(log_e: f64) -> bool {
    log_e >= THRESHOLD.ln()
}

/// The chance of the seats of a block if bad answers are `ratio` times as likely from the candidate, over that
/// of seats drawn blindly.
fn log_ratio(block: &[SeatedUnit], ratio: f64) -> f64 {
    let weight = |unit: &SeatedUnit| 1.0 + (ratio - 1.0) * unit.badness.clamp(0.0, 1.0);
    let seats = block.iter().filter(|unit| unit.is_canary).count();
    if seats == 0 || seats == block.len() {
        return 0.0;
    }
    let seated = block.iter().filter(|unit| unit.is_canary);
    let seated: f64 = seated.map(|unit| weight(unit).ln()).sum();
    // Means over all choices of seats, one caller after another: the elementary symmetric sums over the number of
    // their terms, which stay of the size of the weights.
    let mut means = vec![0.0; seats + 1];
    if let Some(first) = means.first_mut() {
        *first = 1.0;
    }
    for (before, unit) in block.iter().enumerate() {
        let callers = float(before + 1);
        for chosen in (1..=seats.min(before + 1)).rev() {
            let share = float(chosen) / callers;
            let with = means.get(chosen - 1).copied().unwrap_or(0.0) * weight(unit);
            if let Some(mean) = means.get_mut(chosen) {
                *mean = (1.0 - share) * *mean + share * with;
            }
        }
    }
    let blind = means.last().copied().unwrap_or(1.0);
    seated - blind.ln()
}

/// The evidence that two models differ whose answers to the same callers are compared: a canary in the shadow.
#[derive(Clone, Debug)]
pub struct ShadowEvidence {
    bets: ZeroBets,
    sum: f64,
}

impl Default for ShadowEvidence {
    fn default() -> Self {
        Self {
            bets: ZeroBets::new(StakeWeights::Binary),
            sum: 0.0,
        }
    }
}

impl ShadowEvidence {
    /// Counts one caller: how much smaller the candidate's share of bad answers is, from −1 to 1.
    pub fn add(&mut self, gain: f64) {
        self.bets.add(gain);
        self.sum += gain;
    }

    /// The logarithm of the evidence against "no difference".
    pub fn log_e(&self) -> f64 {
        self.bets.log_e()
    }

    /// Whether the candidate is proven to be worse.
    pub fn is_worse(&self) -> bool {
        self.sum < 0.0 && self.log_e() >= THRESHOLD.ln()
    }
}

/// The bet that the candidate's harm is below a margin.
#[derive(Clone, Debug)]
pub struct HarmBound(Bet);

impl HarmBound {
    /// A bet against "it harms at least `margin` more of the callers".
    pub fn below(margin: f64) -> Self {
        // Harm below the margin is gain above its negative.
        Self(Bet::above(-margin, StakeWeights::Binary))
    }

    /// Counts one block.
    pub fn add_block(&mut self, block: &[SeatedUnit]) {
        let mean = |is_canary: bool| {
            let side = block.iter().filter(|unit| unit.is_canary == is_canary);
            let (sum, count) = side.fold((0.0, 0_usize), |(sum, count), unit| {
                (sum + unit.badness, count + 1)
            });
            (count > 0).then(|| sum / float(count))
        };
        if let (Some(candidate), Some(other)) = (mean(true), mean(false)) {
            self.0.add(other - candidate);
        }
    }

    /// Counts a caller whose questions both models answered.
    pub fn add_pair(&mut self, other: f64, candidate: f64) {
        self.0.add(other - candidate);
    }

    /// The logarithm of the evidence that the harm is below the margin.
    pub fn log_e(&self) -> f64 {
        self.0.log_wealth()
    }

    /// Whether that is enough.
    pub fn is_shown(&self) -> bool {
        self.log_e() >= THRESHOLD.ln()
    }
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;
