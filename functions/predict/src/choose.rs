//! Who answers: the tuned model, or the base model in its place; and the note that says so beside the answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::confidence::{Confidence, Reason};

/// When the base model steps in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FallbackRules {
    /// A reply whose confidence is below this is not served. 0 serves every reply, 1 only those without any sign of trouble.
    pub threshold: f64,
    /// What to do while nobody knows the route.
    pub without_route: WithoutRoute,
}

impl Default for FallbackRules {
    /// 0.5 turns away what was cut, looped, blank or blocked, and lets an odd length pass.
    fn default() -> Self {
        Self {
            threshold: 0.5,
            without_route: WithoutRoute::Base,
        }
    }
}

/// What to do while the route cannot be read and the last reading is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutRoute {
    /// Ask the base model: an answer is better than none.
    #[default]
    Base,
    /// Answer 503: only the tuned model's answers may be used.
    Refuse,
}

/// What came of asking the tuned model.
#[derive(Clone, Copy, Debug)]
pub enum Tuned<'a> {
    /// A reply, judged.
    Replied(&'a Confidence),
    /// An HTTP status other than 2xx, after all retries.
    Status(u16),
    /// No reply in time, or none at all.
    Unreachable,
    /// It was not asked, because nobody knows the route.
    NoRoute,
}

/// What to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServingChoice {
    /// What the tuned model said, its error included.
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
    /// Nobody knows which model is the tuned one.
    NoRoute,
}

/// Chooses.
pub fn choose(tuned: Tuned<'_>, rules: &FallbackRules) -> ServingChoice {
    match tuned {
        Tuned::Replied(confidence) if could_improve(confidence, rules) => {
            ServingChoice::Base(FallbackReason::LowConfidence)
        }
        // A status that is the caller's own mistake: the base model would say the same.
        Tuned::Replied(_) | Tuned::Status(400 | 413 | 422) => ServingChoice::Tuned,
        Tuned::Status(_) | Tuned::Unreachable => ServingChoice::Base(FallbackReason::TunedFailed),
        Tuned::NoRoute => match rules.without_route {
            WithoutRoute::Base => ServingChoice::Base(FallbackReason::NoRoute),
            WithoutRoute::Refuse => ServingChoice::Refuse,
        },
    }
}

/// The filter on prompts is the same for both models, so a second call would buy the same refusal.
fn could_improve(confidence: &Confidence, rules: &FallbackRules) -> bool {
    confidence.score < rules.threshold && !confidence.reasons.contains(&Reason::PromptBlocked)
}

/// Whether an answer may be remembered, given why it was served and what is thought of it. What came of an outage lasts no
/// longer than the outage, and a refusal or a blank is worth asking again.
pub fn is_cacheable(fallback: Option<FallbackReason>, served: &Confidence) -> bool {
    let steady = match fallback {
        None | Some(FallbackReason::LowConfidence) => true,
        Some(FallbackReason::TunedFailed | FallbackReason::NoRoute) => false,
    };
    steady && served.score > 0.0
}

/// What stands beside every answer, under `lapidary`. Google's own fields stay as they came, `modelVersion` among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Who gave this answer.
    pub served_by: ServedBy,
    /// Version of the route; absent while nobody knows the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u64>,
    /// Why the base model answers in place of the tuned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_reason: Option<FallbackReason>,
    /// Whether the answer was given before.
    pub cached: bool,
    /// What is thought of the tuned model's reply, or of the base model's where the tuned one gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedBy {
    /// The routed model.
    Tuned,
    /// The base model, routed or in its place.
    Base,
}

/// The response with the note in it, in place of an older one. What is no JSON object stays as it is.
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

    use super::*;

    fn sure(score: f64) -> Confidence {
        Confidence {
            score,
            reasons: vec![],
        }
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
    fn the_base_model_steps_in_where_it_can_help() {
        check(Tuned::Replied(&sure(1.0)), ServingChoice::Tuned);
        check(Tuned::Replied(&sure(0.5)), ServingChoice::Tuned);
        check(
            Tuned::Replied(&sure(0.49)),
            ServingChoice::Base(FallbackReason::LowConfidence),
        );
        check(Tuned::Status(400), ServingChoice::Tuned);
        check(
            Tuned::Status(404),
            ServingChoice::Base(FallbackReason::TunedFailed),
        );
        check(
            Tuned::Status(429),
            ServingChoice::Base(FallbackReason::TunedFailed),
        );
        check(
            Tuned::Status(503),
            ServingChoice::Base(FallbackReason::TunedFailed),
        );
        check(
            Tuned::Unreachable,
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
    fn only_steady_answers_are_remembered() {
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
    fn the_note_stands_beside_the_answer() {
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
        fn a_surer_reply_is_never_the_one_turned_away(score in 0.0..1.0_f64, more in 0.0..1.0_f64, threshold in 0.0..1.0_f64) {
            let rules = FallbackRules { threshold, ..FallbackRules::default() };
            let served = |score| choose(Tuned::Replied(&sure(score)), &rules) == ServingChoice::Tuned;
            prop_assert!(served(score + more) || !served(score));
        }
    }
}
