//! Which model answers: the tuned one, or the base model in its place; and the note in the answer that says so.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use shared::outcome::CallError;

use crate::confidence::{Confidence, Reason};

/// When the base model answers in place of the tuned one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FallbackRules {
    /// A reply whose confidence is below this is not served. 0 serves every reply, 1 only those without any defect.
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

/// How the tuned model replied.
#[derive(Clone, Copy, Debug)]
pub enum Tuned<'a> {
    /// A reply, with the confidence in it.
    Replied(&'a Confidence),
    /// No reply, after all retries.
    Failed(&'a CallError),
    /// It was not asked, because the route is unknown.
    NoRoute,
}

/// What to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServingChoice {
    /// The reply of the tuned model, even if it is an error.
    Tuned,
    /// Ask the base model.
    Base(FallbackReason),
    /// Nothing: 503.
    Refuse,
}

/// Why the base model answers in place of the tuned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// The tuned model replied, below the threshold.
    LowConfidence,
    /// The tuned model did not reply.
    TunedFailed,
    /// The route is unknown, so the tuned model is too.
    NoRoute,
}

/// Chooses what to serve.
pub fn choose(tuned: Tuned<'_>, rules: &FallbackRules) -> ServingChoice {
    match tuned {
        Tuned::Replied(confidence) if could_improve(confidence, rules) => {
            ServingChoice::Base(FallbackReason::LowConfidence)
        }
        // A fault of the request itself: the base model would answer the same.
        Tuned::Replied(_) | Tuned::Failed(CallError::No(_)) => ServingChoice::Tuned,
        Tuned::Failed(
            CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_),
        ) => ServingChoice::Base(FallbackReason::TunedFailed),
        Tuned::NoRoute => match rules.without_route {
            WithoutRoute::Base => ServingChoice::Base(FallbackReason::NoRoute),
            WithoutRoute::Refuse => ServingChoice::Refuse,
        },
    }
}

/// Whether the base model could give a better answer. The prompt filter is the same for both models, so after a blocked prompt a
/// second call would be paid for and refused again.
fn could_improve(confidence: &Confidence, rules: &FallbackRules) -> bool {
    confidence.score < rules.threshold && !confidence.reasons.contains(&Reason::PromptBlocked)
}

/// Whether an answer may be cached, given why it was served and the confidence in it. A fallback during an outage must not
/// outlast the outage, and a refusal or an empty answer is worth asking again.
pub fn is_cacheable(fallback: Option<FallbackReason>, served: &Confidence) -> bool {
    let reproducible = match fallback {
        None | Some(FallbackReason::LowConfidence) => true,
        Some(FallbackReason::TunedFailed | FallbackReason::NoRoute) => false,
    };
    reproducible && served.score > 0.0
}

/// The note in every answer, under the key `lapidary`. Google's own fields are unchanged, `modelVersion` among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Which model gave this answer.
    pub served_by: ServedBy,
    /// Version of the route; absent while the route is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u64>,
    /// Why the base model answers in place of the tuned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_reason: Option<FallbackReason>,
    /// Whether the answer comes from the cache.
    pub cached: bool,
    /// The confidence in the tuned model's reply, or in the base model's where the tuned one gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// Which model gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedBy {
    /// The routed model.
    Tuned,
    /// The base model, routed or in its place.
    Base,
}

/// The response with the note in it, replacing an older one. Unchanged if it is not a JSON object.
pub fn annotate(mut response: Value, note: &Note) -> Value {
    if let (Some(fields), Ok(note)) = (response.as_object_mut(), serde_json::to_value(note)) {
        fields.insert("lapidary".to_owned(), note);
    }
    response
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
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
    fn check(tuned: Tuned<'_>, expected: ServingChoice) {
        assert_eq!(
            choose(tuned, &FallbackRules::default()),
            expected,
            "{tuned:?}"
        );
    }

    #[test]
    fn the_base_model_answers_where_it_could_improve() {
        check(Tuned::Replied(&sure(1.0)), ServingChoice::Tuned);
        check(Tuned::Replied(&sure(0.5)), ServingChoice::Tuned);
        check(
            Tuned::Replied(&sure(0.49)),
            ServingChoice::Base(FallbackReason::LowConfidence),
        );
        for http_status in [400, 413, 422] {
            check(Tuned::Failed(&failed(http_status)), ServingChoice::Tuned);
        }
        for http_status in [401, 403, 404, 408, 409, 429, 499, 500, 502, 503] {
            check(
                Tuned::Failed(&failed(http_status)),
                ServingChoice::Base(FallbackReason::TunedFailed),
            );
        }
        check(
            Tuned::Failed(&CallError::not_sent("no connection")),
            ServingChoice::Base(FallbackReason::TunedFailed),
        );
        check(Tuned::NoRoute, ServingChoice::Base(FallbackReason::NoRoute));
        let refused = Confidence {
            score: 0.0,
            reasons: vec![Reason::PromptBlocked],
        };
        check(Tuned::Replied(&refused), ServingChoice::Tuned);
        let strict = FallbackRules {
            without_route: WithoutRoute::Refuse,
            ..FallbackRules::default()
        };
        assert_eq!(choose(Tuned::NoRoute, &strict), ServingChoice::Refuse);
    }

    #[test]
    fn only_reproducible_answers_are_cached() {
        assert!(is_cacheable(None, &sure(1.0)));
        assert!(is_cacheable(
            Some(FallbackReason::LowConfidence),
            &sure(0.8)
        ));
        assert!(!is_cacheable(Some(FallbackReason::TunedFailed), &sure(1.0)));
        assert!(!is_cacheable(Some(FallbackReason::NoRoute), &sure(1.0)));
        assert!(!is_cacheable(None, &sure(0.0)));
    }

    #[test]
    fn the_note_is_part_of_the_answer() {
        let note = Note {
            served_by: ServedBy::Base,
            route: Some(3),
            fallback_reason: Some(FallbackReason::LowConfidence),
            cached: false,
            confidence: Some(Confidence {
                score: 0.25,
                reasons: vec![Reason::Cut],
            }),
        };
        let response = json!({ "modelVersion": "gemini-3.5-flash", "lapidary": "old" });
        assert_eq!(
            annotate(response, &note),
            json!({
                "modelVersion": "gemini-3.5-flash",
                "lapidary": {
                    "servedBy": "base",
                    "route": 3,
                    "fallbackReason": "low_confidence",
                    "cached": false,
                    "confidence": { "score": 0.25, "reasons": ["cut"] },
                },
            })
        );
        let bare = Note {
            served_by: ServedBy::Tuned,
            route: None,
            fallback_reason: None,
            cached: true,
            confidence: None,
        };
        let bare = annotate(json!({}), &bare);
        assert_eq!(
            bare,
            json!({ "lapidary": { "servedBy": "tuned", "cached": true } })
        );
        assert_eq!(
            annotate(
                json!([1]),
                &Note {
                    cached: true,
                    ..serde_json::from_value(bare["lapidary"].clone()).unwrap()
                }
            ),
            json!([1])
        );
    }

    proptest! {
        #[test]
        fn a_more_confident_reply_is_never_the_one_rejected(score in 0.0..1.0_f64, more in 0.0..1.0_f64, threshold in 0.0..1.0_f64) {
            let rules = FallbackRules { threshold, ..FallbackRules::default() };
            let served = |score| choose(Tuned::Replied(&sure(score)), &rules) == ServingChoice::Tuned;
            prop_assert!(served(score + more) || !served(score));
        }
    }
}
