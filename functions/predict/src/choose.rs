//! Which model answers: the tuned one, or the base model in its place.

use serde::{Deserialize, Serialize};

use shared::outcome::CallError;

use crate::{
    confidence::{Confidence, Reason},
    note::FallbackReason,
};

/// When the base model answers in place of the tuned one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FallbackRules {
    /// A reply whose confidence is below this is not served unless it is at least as good as the base model's. 0 serves every reply, 1 only
    /// those without any defect.
    pub threshold: f64,
    /// What to do while the route is unknown.
    pub without_route: WithoutRoute,
}

impl Default for FallbackRules {
    /// 0.5 rejects replies that are truncated, repetitive, empty or blocked, and accepts those of an unusual length.
    fn default() -> Self {
        Self {
            threshold: 0.5,
            without_route: WithoutRoute::Base,
        }
    }
}

/// What to do while the route cannot be read and the last good copy is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutRoute {
    /// Ask the base model: an answer is better than none.
    #[default]
    Base,
    /// Answer 503: only answers of the tuned model may be used.
    Refuse,
}

/// What to do once the tuned model has replied, or has failed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTuned {
    /// Serve its reply, even if it is an error.
    Serve,
    /// Serve its reply, since the budget of questions to the base model is spent.
    ServeOverBudget,
    /// Ask the base model too.
    AskBase(FallbackReason),
}

/// What follows the tuned model's reply. `is_in_budget` is asked only about a reply that is doubted: a model that fails is
/// an outage, which no budget bounds.
pub fn after_tuned(
    tuned: Result<&Confidence, &CallError>,
    rules: &FallbackRules,
    is_in_budget: impl FnOnce() -> bool,
) -> AfterTuned {
    match tuned {
        Ok(confidence) if could_improve(confidence, rules) => {
            if is_in_budget() {
                AfterTuned::AskBase(FallbackReason::LowConfidence)
            } else {
                AfterTuned::ServeOverBudget
            }
        }
        // A fault of the request itself: the base model would answer the same.
        Ok(_) | Err(CallError::No(_)) => AfterTuned::Serve,
        Err(
            CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_),
        ) => AfterTuned::AskBase(FallbackReason::TunedFailed),
    }
}

/// Whether the base model could give a better answer. The prompt filter is the same for both models, so after a blocked prompt a
/// second call would be paid for and refused again.
fn could_improve(confidence: &Confidence, rules: &FallbackRules) -> bool {
    confidence.score < rules.threshold && !confidence.reasons.contains(&Reason::PromptBlocked)
}

/// Whether the base model's reply goes before the tuned model's, which was below the threshold. With the same score the tuned
/// model is served: it is the one that was proven better.
pub fn base_is_better(tuned: &Confidence, base: &Confidence) -> bool {
    base.score > tuned.score
}

/// Whether an answer may be cached, given why it was served and the confidence in it. A fallback during an outage must not
/// outlast the outage, and a refusal or an empty answer is worth asking again.
pub fn is_cacheable(fallback: Option<FallbackReason>, served: &Confidence) -> bool {
    let reproducible = match fallback {
        None | Some(FallbackReason::LowConfidence) => true,
        Some(FallbackReason::TunedFailed | FallbackReason::TunedSlow | FallbackReason::NoRoute) => {
            false
        }
    };
    reproducible && served.score > 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::outcome::{ErrorAnswer, Idempotency};

    use super::*;

    fn sure(score: f64) -> Confidence {
        Confidence {
            score,
            reasons: vec![],
        }
    }

    fn failed(http_status: u16) -> CallError {
        let answer = ErrorAnswer {
            http_status: Some(http_status),
            ..ErrorAnswer::default()
        };
        CallError::of(answer, Idempotency::Idempotent)
    }

    #[track_caller]
    fn check(tuned: Result<&Confidence, &CallError>, expected: AfterTuned) {
        let found = after_tuned(tuned, &FallbackRules::default(), || true);
        assert_eq!(found, expected, "{tuned:?}");
        // Only the doubt in a reply has a budget.
        let bounded = after_tuned(tuned, &FallbackRules::default(), || false);
        let is_doubted = expected == AfterTuned::AskBase(FallbackReason::LowConfidence);
        let expected = if is_doubted {
            AfterTuned::ServeOverBudget
        } else {
            expected
        };
        assert_eq!(bounded, expected, "{tuned:?}");
    }

    #[test]
    fn the_base_model_is_asked_where_it_could_improve() {
        const FAILED: AfterTuned = AfterTuned::AskBase(FallbackReason::TunedFailed);
        check(Ok(&sure(1.0)), AfterTuned::Serve);
        check(Ok(&sure(0.5)), AfterTuned::Serve);
        check(
            Ok(&sure(0.49)),
            AfterTuned::AskBase(FallbackReason::LowConfidence),
        );
        for http_status in [400, 413, 422] {
            check(Err(&failed(http_status)), AfterTuned::Serve);
        }
        for http_status in [401, 403, 404, 408, 409, 429, 499, 500, 502, 503] {
            check(Err(&failed(http_status)), FAILED);
        }
        check(Err(&CallError::not_sent("no connection")), FAILED);
        let refused = Confidence {
            score: 0.0,
            reasons: vec![Reason::PromptBlocked],
        };
        check(Ok(&refused), AfterTuned::Serve);
    }

    #[test]
    fn only_reproducible_answers_are_cached() {
        assert!(is_cacheable(None, &sure(1.0)));
        assert!(is_cacheable(
            Some(FallbackReason::LowConfidence),
            &sure(0.8)
        ));
        for reason in [
            FallbackReason::TunedFailed,
            FallbackReason::TunedSlow,
            FallbackReason::NoRoute,
        ] {
            assert!(!is_cacheable(Some(reason), &sure(1.0)), "{reason:?}");
        }
        assert!(!is_cacheable(None, &sure(0.0)));
    }

    proptest! {
        #[test]
        fn a_more_confident_reply_is_never_the_one_rejected(score in 0.0..1.0_f64, more in 0.0..1.0_f64, threshold in 0.0..1.0_f64) {
            let rules = FallbackRules { threshold, ..FallbackRules::default() };
            let served = |score| after_tuned(Ok(&sure(score)), &rules, || true) == AfterTuned::Serve;
            prop_assert!(served(score + more) || !served(score));
        }

        #[test]
        fn the_better_of_the_two_is_served(tuned in 0.0..1.0_f64, base in 0.0..1.0_f64) {
            prop_assert_eq!(base_is_better(&sure(tuned), &sure(base)), base > tuned);
        }
    }
}
