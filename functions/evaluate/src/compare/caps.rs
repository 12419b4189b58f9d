//! The caps of a recipe: a model above one is ruled out, however well it scores. They only say no, so that they add
//! no false claim.

use shared::evaluation::{Evaluation, Verdict};

use super::count;

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

/// Rules a model out whose thousand requests cost more than `cap` US dollars. No verdict is changed where nothing
/// follows from it anyway.
pub fn rule_out_by_price(evaluation: &mut Evaluation, cap: f64) {
    let Some(usd) = evaluation.tuned.usd_per_thousand.filter(|usd| *usd > cap) else {
        return;
    };
    if evaluation.verdict == Verdict::Undecided {
        return;
    }
    evaluation.verdict = Verdict::RuledOut;
    evaluation.reason =
        format!("ruled out: a thousand requests cost {usd:.2} US dollars, above the cap of {cap}");
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
    use shared::evaluation::Side;

    use super::*;

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
            rule_out_by_price(&mut evaluation, 0.5);
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
}
