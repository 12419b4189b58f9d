//! The caps of a recipe: a model above one is ruled out, however well it scores. They only say no, so that they add
//! no false claim.

use scores::comparison::verdict::Guardrail;
use shared::evaluation::{Evaluation, Side, Verdict};

use super::{Case, count};
use crate::answer::AnswerOutcome;

/// The name of the guardrail of [`slower`].
pub(super) const SLOWER: &str = "slower";

/// The share of requests that may take longer than the cap.
const SLOW_SHARE: f64 = 0.05;
/// The chance of ruling out a model that keeps its cap: a caps' share of 5 %, as the guardrails have theirs.
const ERROR: f64 = 0.0125;

/// Why answers with these latencies, in milliseconds, are above `cap`: whether more than one in twenty is slower for
/// certain, by the exact binomial test. `None` where they may keep it.
pub(super) fn too_slow(latencies: &[u64], cap: u64) -> Option<String> {
    let slow = latencies.iter().filter(|latency| **latency > cap).count();
    (at_least(slow, latencies.len()) <= ERROR).then(|| {
        format!(
            "ruled out: {slow} of {} answers took longer than {cap} ms, of which one in twenty may",
            latencies.len()
        )
    })
}

/// On how many rows the tuned model took more than `ratio` times as long as the other one: more than on half of them
/// for certain, by the test of the guardrails. Broken replies are left out, whose latency says nothing.
pub(super) fn slower(cases: &[Case<'_>], ratio: f64) -> Guardrail {
    let is_broken = |outcome: &AnswerOutcome| matches!(outcome, AnswerOutcome::Failed { .. });
    let timed = cases
        .iter()
        .filter(|case| !is_broken(&case.base.outcome) && !is_broken(&case.tuned.outcome));
    let (mut candidate, mut other) = (0, 0);
    for case in timed {
        let is_slower =
            milliseconds(case.tuned.latency_ms) > ratio * milliseconds(case.base.latency_ms);
        *if is_slower {
            &mut candidate
        } else {
            &mut other
        } += 1;
    }
    Guardrail {
        name: SLOWER,
        candidate,
        other,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an answer takes minutes at most"
)]
fn milliseconds(latency: u64) -> f64 {
    latency as f64
}

/// What a thousand requests may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PriceCaps {
    /// In US dollars; absent: any price.
    pub usd_max: Option<f64>,
    /// How many times the price of the other model's; absent: any price.
    pub ratio_max: Option<f64>,
}

impl PriceCaps {
    /// Rules a model out that costs more. No verdict is changed where nothing follows from it anyway, or where a
    /// model has no price.
    pub fn apply(&self, evaluation: &mut Evaluation) {
        let Some(usd) = evaluation.tuned.usd_per_thousand else {
            return;
        };
        let base = self.above(usd, &evaluation.base, "its base model");
        if let Some(reason) = self.above_max(usd).or(base) {
            rule_out(&mut evaluation.verdict, &mut evaluation.reason, reason);
        }
        if let Some(serving) = &mut evaluation.serving
            && let Some(reason) = self.above(usd, &serving.side, "the model that serves")
        {
            rule_out(&mut serving.verdict, &mut serving.reason, reason);
        }
    }

    fn above_max(&self, usd: f64) -> Option<String> {
        let cap = self.usd_max.filter(|cap| usd > *cap)?;
        Some(format!(
            "ruled out: a thousand requests cost {usd:.2} US dollars, above the cap of {cap}"
        ))
    }

    fn above(&self, usd: f64, other: &Side, name: &str) -> Option<String> {
        let (ratio, others) = (self.ratio_max?, other.usd_per_thousand?);
        (usd > ratio * others).then(|| {
            format!(
                "ruled out: a thousand requests cost {usd:.2} US dollars, above {ratio} times the {others:.2} of {name}"
            )
        })
    }
}

fn rule_out(verdict: &mut Verdict, words: &mut String, reason: String) {
    if *verdict != Verdict::Undecided {
        *verdict = Verdict::RuledOut;
        *words = reason;
    }
}

/// The chance of at least `slow` of `answers` where each is slow with the chance that is allowed.
fn at_least(slow: usize, answers: usize) -> f64 {
    if slow == 0 {
        return 1.0;
    }
    let mut log_chance = count(answers) * (1.0 - SLOW_SHARE).ln();
    let step = (SLOW_SHARE / (1.0 - SLOW_SHARE)).ln();
    let mut tail = 0.0;
    for k in 0..=answers {
        if k >= slow {
            tail += log_chance.exp();
        }
        log_chance += (count(answers - k) / count(k + 1)).ln() + step;
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use shared::evaluation::AgainstServing;

    use super::*;
    use crate::answer::ModelAnswer;

    #[test]
    fn a_cap_of_latency_is_passed_only_for_certain() {
        let answers = |slow: usize, all: usize| -> Vec<u64> {
            (0..all).map(|n| if n < slow { 900 } else { 100 }).collect()
        };
        // P(X ≥ 3 | 20, 0.05) = 0.0755, P(X ≥ 4) = 0.0159, P(X ≥ 5) = 0.0026 (binomial tables).
        assert!((at_least(3, 20) - 0.075_484).abs() < 1e-5);
        assert!((at_least(4, 20) - 0.015_902).abs() < 1e-5);
        assert_eq!(too_slow(&answers(4, 20), 500), None);
        let refusal = too_slow(&answers(5, 20), 500).unwrap();
        assert!(
            refusal.contains("5 of 20 answers took longer than 500 ms"),
            "{refusal}"
        );
        assert_eq!(too_slow(&answers(5, 20), 900), None, "at the cap");
        assert_eq!(too_slow(&answers(10, 200), 500), None, "one in twenty may");
        assert_eq!(too_slow(&[], 500), None);
    }

    #[test]
    fn a_model_above_its_price_is_ruled_out() {
        let evaluation = |verdict: Verdict, usd: Option<f64>| Evaluation {
            verdict,
            tuned: Side {
                usd_per_thousand: usd,
                ..Side::default()
            },
            ..Evaluation::default()
        };
        let after = |verdict, usd| {
            let mut evaluation = evaluation(verdict, usd);
            let caps = PriceCaps {
                usd_max: Some(0.5),
                ratio_max: None,
            };
            caps.apply(&mut evaluation);
            evaluation.verdict
        };
        assert_eq!(after(Verdict::Better, Some(0.6)), Verdict::RuledOut);
        assert_eq!(after(Verdict::Better, Some(0.5)), Verdict::Better);
        assert_eq!(
            after(Verdict::Better, None),
            Verdict::Better,
            "without a price nothing follows"
        );
        assert_eq!(after(Verdict::Undecided, Some(9.0)), Verdict::Undecided);
    }

    #[test]
    fn a_model_is_ruled_out_against_the_one_that_it_costs_too_much_more_than() {
        let side = |usd: f64| Side {
            usd_per_thousand: Some(usd),
            ..Side::default()
        };
        let after = |base: f64, serving: f64| {
            let mut evaluation = Evaluation {
                verdict: Verdict::Better,
                tuned: side(1.0),
                base: side(base),
                serving: Some(AgainstServing {
                    verdict: Verdict::Better,
                    side: side(serving),
                    ..AgainstServing::default()
                }),
                ..Evaluation::default()
            };
            let caps = PriceCaps {
                usd_max: None,
                ratio_max: Some(2.0),
            };
            caps.apply(&mut evaluation);
            (evaluation.verdict, evaluation.serving.unwrap().verdict)
        };
        assert_eq!(
            after(0.5, 0.5),
            (Verdict::Better, Verdict::Better),
            "at the cap"
        );
        assert_eq!(after(0.4, 0.5), (Verdict::RuledOut, Verdict::Better));
        assert_eq!(after(0.5, 0.4), (Verdict::Better, Verdict::RuledOut));
    }

    #[test]
    fn a_model_is_slower_where_most_of_its_answers_are() {
        let answer = |latency_ms| ModelAnswer {
            outcome: AnswerOutcome::Answered,
            ..ModelAnswer::failed("", latency_ms)
        };
        let (fast, slow, broken) = (
            answer(100),
            answer(151),
            ModelAnswer::failed("OTHER", 9_000),
        );
        let case = |base, tuned| Case {
            row: "",
            reference: "",
            base,
            tuned,
            is_added: false,
        };
        let cases = [
            case(&fast, &slow),
            case(&fast, &fast),
            case(&slow, &fast),
            case(&fast, &broken),
            case(&broken, &slow),
        ];
        let counts = |ratio| {
            let found = slower(&cases, ratio);
            (found.candidate, found.other)
        };
        assert_eq!(counts(1.5), (1, 2));
        assert_eq!(counts(2.0), (0, 3));
    }
}
