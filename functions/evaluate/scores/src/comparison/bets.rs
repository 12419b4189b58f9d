//! Scores between 0 and 1: bets on the mean difference between two models.
//!
//! A finite mixture of constant stakes (a universal portfolio): nothing is tuned while it runs, the order of
//! rows does not change its value, and it is exact for any bounded scores, rare large losses included.
//!
//! Sources: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B
//! 2024; F. Orabona and K.-S. Jun, "Tight concentrations and confidence sequences from the regret of universal
//! portfolio", 2024.

use super::{THRESHOLD, float, log_sum};

/// Constant stakes in the mixture.
const STAKES: usize = 64;
/// Halvings of an interval's end: its error is below 10^-12.
const HALVINGS: usize = 50;
/// How near to −1 and 1 an end of an interval is looked for.
const EDGE: f64 = 1e-9;

/// How stakes are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StakeWeights {
    /// For scores: more on high stakes, since differences of scores are small.
    Scores,
    /// For rows that are right or wrong, and for sources: the evidence of `coin.rs`, to a thousandth of its
    /// logarithm.
    Binary,
}

/// Stake and logarithm of its weight.
#[derive(Clone, Copy, Debug)]
struct Stake {
    share: f64,
    log_weight: f64,
}

fn stakes(weights: StakeWeights) -> Vec<Stake> {
    let shares = (1..=STAKES).map(|stake| (float(stake) - 0.5) / float(STAKES));
    let weight = |share: f64| match weights {
        StakeWeights::Scores => (1.0 - share * share).sqrt().recip(),
        StakeWeights::Binary => 1.0 - share * share,
    };
    let sum: f64 = shares.clone().map(weight).sum();
    shares
        .map(|share| Stake {
            share,
            log_weight: (weight(share) / sum).ln(),
        })
        .collect()
}

/// A bet that the mean difference is above a bound, as rows come in.
#[derive(Clone, Debug)]
pub struct Bet {
    bound: f64,
    stakes: Vec<(Stake, f64)>,
}

impl Bet {
    /// A bet that the mean is above `bound`, which lies between −1 and 1.
    pub fn above(bound: f64, weights: StakeWeights) -> Self {
        Self {
            bound,
            stakes: stakes(weights)
                .into_iter()
                .map(|stake| (stake, 0.0))
                .collect(),
        }
    }

    /// Counts one difference, from −1 to 1.
    pub fn add(&mut self, difference: f64) {
        let gain = (1.0 + difference) / (1.0 + self.bound) - 1.0;
        for (stake, log) in &mut self.stakes {
            *log += (stake.share * gain).ln_1p();
        }
    }

    /// The logarithm of what a stake of 1 has become.
    pub fn log_wealth(&self) -> f64 {
        log_sum(
            self.stakes
                .iter()
                .map(|(stake, log)| stake.log_weight + log),
        )
    }
}

/// The two bets against a mean of zero: that it is above, and that it is below.
#[derive(Clone, Debug)]
pub struct ZeroBets {
    above: Bet,
    below: Bet,
}

impl ZeroBets {
    /// Before the first row.
    pub fn new(weights: StakeWeights) -> Self {
        Self {
            above: Bet::above(0.0, weights),
            below: Bet::above(0.0, weights),
        }
    }

    /// Counts one difference.
    pub fn add(&mut self, difference: f64) {
        self.above.add(difference);
        self.below.add(-difference);
    }

    /// The logarithm of the evidence against "no difference".
    pub fn log_e(&self) -> f64 {
        let both = [self.above.log_wealth(), self.below.log_wealth()];
        log_sum(both.into_iter()) - std::f64::consts::LN_2
    }
}

/// The logarithm of the bet that the mean of `differences` is above `bound`.
pub fn log_above(differences: &[f64], bound: f64, weights: StakeWeights) -> f64 {
    Grouped::new(differences).log_above(bound, &stakes(weights))
}

/// The means that the evidence does not exclude at any time (a confidence sequence of 95 %); none without rows.
///
/// It agrees with the verdict by construction: it leaves out zero exactly when the evidence is enough.
pub fn interval(differences: &[f64], weights: StakeWeights) -> Option<(f64, f64)> {
    if differences.is_empty() {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / float(differences.len());
    let grouped = Grouped::new(differences);
    let stakes = stakes(weights);
    let is_excluded = |bound: f64| {
        let both = [
            grouped.log_above(bound, &stakes),
            grouped.negated().log_above(-bound, &stakes),
        ];
        log_sum(both.into_iter()) - std::f64::consts::LN_2 >= THRESHOLD.ln()
    };
    let end = |edge: f64| {
        let (mut inside, mut outside) = (mean.clamp(-1.0 + EDGE, 1.0 - EDGE), edge);
        if !is_excluded(outside) {
            return outside;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            if is_excluded(middle) {
                outside = middle;
            } else {
                inside = middle;
            }
        }
        inside
    };
    Some((end(-1.0 + EDGE).min(mean), end(1.0 - EDGE).max(mean)))
}

/// Differences with how often each occurs: most rows of most tasks are ties.
#[derive(Clone, Debug)]
struct Grouped(Vec<(f64, f64)>);

impl Grouped {
    fn new(differences: &[f64]) -> Self {
        let mut sorted = differences.to_vec();
        sorted.sort_by(f64::total_cmp);
        let groups = sorted.chunk_by(|one, other| one.total_cmp(other).is_eq());
        let counted = groups.filter_map(|group| Some((*group.first()?, float(group.len()))));
        Self(counted.collect())
    }

    fn negated(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|(value, count)| (-value, *count))
                .collect(),
        )
    }

    fn log_above(&self, bound: f64, stakes: &[Stake]) -> f64 {
        let logs: Vec<f64> = stakes
            .iter()
            .map(|stake| {
                let gains = self.0.iter().map(|(value, count)| {
                    count * (stake.share * ((1.0 + value) / (1.0 + bound) - 1.0)).ln_1p()
                });
                stake.log_weight + gains.sum::<f64>()
            })
            .collect();
        log_sum(logs.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_claimed_of_nothing() {
        assert_eq!(interval(&[], StakeWeights::Scores), None);
        let bets = ZeroBets::new(StakeWeights::Scores);
        assert!(bets.log_e().abs() < 1e-12);
    }

    #[test]
    fn the_interval_of_wins_alone_ends_at_the_edge() {
        let (low, high) = interval(&[1.0; 40], StakeWeights::Binary).unwrap();
        assert!(low > 0.7 && high > 1.0 - 1e-6, "{low} to {high}");
    }

    proptest! {
            #[test]
            fn interval_and_evidence_agree(differences in proptest::collection::vec(-1.0..1.0_f64, 1..60)) {
                for weights in [StakeWeights::Scores, StakeWeights::Binary] {
                    let mut bets = ZeroBets::new(weights);
                    for difference in &differences {
     bets.add(*difference);
    }
                    let (low, high) = interval(&differences, weights).unwrap();
                    let excludes_zero = low > 0.0 || high < 0.0;
                    prop_assert_eq!(excludes_zero, bets.log_e() >= THRESHOLD.ln());
                    let mean = differences.iter().sum::<f64>() / float(differences.len());
                    prop_assert!(low <= mean && mean <= high);
                }
            }

            #[test]
            fn a_better_row_never_lowers_the_bet(
                differences in proptest::collection::vec(-1.0..1.0_f64, 1..40), row: prop::sample::Index, more in 0.0..1.0_f64,
            ) {
                let mut better = differences.clone();
                let row = row.index(better.len());
                better[row] = (better[row] + more).min(1.0);
                for bound in [-0.05, 0.0, 0.1] {
                    let (before, after) = (log_above(&differences, bound, StakeWeights::Scores), log_above(&better, bound, StakeWeights::Scores));
                    prop_assert!(after >= before - 1e-12);
                }
            }
        }
}
