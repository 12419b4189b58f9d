//! What follows from a comparison, in the order in which claims go before others: a model that could not be
//! asked before everything, a guardrail before every score, "worse" before "not worse".

use super::{
    THRESHOLD, coin, float,
    sequential::{ComparisonFinding, ProvenClaim},
};

/// What a comparison says of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComparisonOutcome {
    /// A model could not be asked: nothing follows.
    Undecided,
    /// A guardrail failed, whatever the scores.
    RuledOut {
        /// Its name.
        guardrail: &'static str,
    },
    /// It scores lower, also where that is within the margin.
    Worse,
    /// It scores higher.
    Better,
    /// It scores at most the margin lower.
    NotWorse,
    /// Nothing is proven.
    CannotTell,
}

/// Something that a candidate must not do more often than the other model, such as to answer nothing. It is
/// never averaged with a score, and it only says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guardrail {
    /// Its name.
    pub name: &'static str,
    /// Rows on which only the candidate did it.
    pub candidate: usize,
    /// Rows on which only the other model did it.
    pub other: usize,
}

impl Guardrail {
    /// Whether the candidate does it more often: the evidence of `coin.rs`, of which each of `guardrails` has
    /// its share of the error.
    fn fails(&self, guardrails: usize) -> bool {
        let threshold = THRESHOLD * float(guardrails.max(1));
        self.candidate > self.other && coin::log_e(self.candidate, self.other) >= threshold.ln()
    }
}

/// The outcome.
pub fn outcome(
    is_sound: bool,
    guardrails: &[Guardrail],
    finding: &ComparisonFinding,
) -> ComparisonOutcome {
    if !is_sound {
        return ComparisonOutcome::Undecided;
    }
    let failed = guardrails.iter().find(|one| one.fails(guardrails.len()));
    if let Some(failed) = failed {
        return ComparisonOutcome::RuledOut {
            guardrail: failed.name,
        };
    }
    match finding.claim {
        Some(ProvenClaim::Worse) => ComparisonOutcome::Worse,
        Some(ProvenClaim::Better) => ComparisonOutcome::Better,
        Some(ProvenClaim::NotWorse) => ComparisonOutcome::NotWorse,
        None => ComparisonOutcome::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(claim: Option<ProvenClaim>) -> ComparisonFinding {
        ComparisonFinding {
            claim,
            rows: 100,
            difference: 0.0,
            interval: None,
            rows_needed: None,
        }
    }

    fn empty(candidate: usize, other: usize) -> Guardrail {
        Guardrail {
            name: "empty",
            candidate,
            other,
        }
    }

    #[test]
    fn claims_go_before_one_another() {
        let better = finding(Some(ProvenClaim::Better));
        let failed = [empty(12, 0)];
        assert_eq!(
            outcome(false, &failed, &better),
            ComparisonOutcome::Undecided
        );
        let ruled_out = ComparisonOutcome::RuledOut { guardrail: "empty" };
        assert_eq!(outcome(true, &failed, &better), ruled_out);
        assert_eq!(
            outcome(true, &[empty(0, 12)], &better),
            ComparisonOutcome::Better
        );
        assert_eq!(
            outcome(true, &[], &finding(None)),
            ComparisonOutcome::CannotTell
        );
        let not_worse = finding(Some(ProvenClaim::NotWorse));
        assert_eq!(outcome(true, &[], &not_worse), ComparisonOutcome::NotWorse);
        let worse = finding(Some(ProvenClaim::Worse));
        assert_eq!(outcome(true, &[], &worse), ComparisonOutcome::Worse);
    }

    #[test]
    fn each_guardrail_has_its_share_of_the_error() {
        assert!(empty(9, 0).fails(1) && !empty(9, 0).fails(3));
        assert!(!empty(8, 0).fails(1));
    }
}
