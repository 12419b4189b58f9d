//! Who answers: the tuned model, or the base model in its place; and the note that says so beside the answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use shared::outcome::CallError;

use crate::confidence::{Confidence, Reason};

/// When the base model steps in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// A reply whose confidence is below this is not served. 0 serves every reply, 1 only those without any sign of trouble.
    pub threshold: f64,
    /// What to do while nobody knows the route.
    pub without_route: WithoutRoute,
}

impl Default for Rules {
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
    /// ErrorAnswer 503: only the tuned model's answers may be used.
    Refuse,
}

/// What came of asking the tuned model.
#[derive(Clone, Copy, Debug)]
pub enum Tuned<'a> {
    /// A reply, judged.
    Replied(&'a Confidence),
    /// No reply, after all retries.
    Failed(&'a CallError),
    /// It was not asked, because nobody knows the route.
    NoRoute,
}

/// What to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
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
pub fn choose(tuned: Tuned<'_>, rules: &Rules) -> Choice {
    match tuned {
        Tuned::Replied(confidence) if may_be_bettered(confidence, rules) => {
            Choice::Base(FallbackReason::LowConfidence)
        }
        // The caller's own mistake: the base model would say the same.
        Tuned::Replied(_) | Tuned::Failed(CallError::No(_)) => Choice::Tuned,
        Tuned::Failed(
            CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_),
        ) => Choice::Base(FallbackReason::TunedFailed),
        Tuned::NoRoute => match rules.without_route {
            WithoutRoute::Base => Choice::Base(FallbackReason::NoRoute),
            WithoutRoute::Refuse => Choice::Refuse,
        },
    }
}

/// The filter on prompts is the same for both models, so a second call would buy the same refusal.
fn may_be_bettered(confidence: &Confidence, rules: &Rules) -> bool {
    confidence.score < rules.threshold && !confidence.reasons.contains(&Reason::PromptBlocked)
}

/// Whether an answer may be remembered, given why it was served and what is thought of it. What came of an outage lasts no
/// longer than the outage, and a refusal or a blank is worth asking again.
pub fn may_be_remembered(fallback: Option<FallbackReason>, served: &Confidence) -> bool {
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
    fn check(tuned: Tuned<'_>, expected: Choice) {
        assert_eq!(choose(tuned, &Rules::default()), expected, "{tuned:?}");
    }

    #[test]
    fn the_base_model_steps_in_where_it_can_help() {
        check(Tuned::Replied(&sure(1.0)), Choice::Tuned);
        check(Tuned::Replied(&sure(0.5)), Choice::Tuned);
        check(
            Tuned::Replied(&sure(0.49)),
            Choice::Base(FallbackReason::LowConfidence),
        );
        for http_status in [400, 413, 422] {
            check(Tuned::Failed(&failed(http_status)), Choice::Tuned);
        }
        for http_status in [401, 403, 404, 408, 409, 429, 499, 500, 502, 503] {
            check(
                Tuned::Failed(&failed(http_status)),
                Choice::Base(FallbackReason::TunedFailed),
            );
        }
        check(
            Tuned::Failed(&CallError::not_sent("no connection")),
            Choice::Base(FallbackReason::TunedFailed),
        );
        check(Tuned::NoRoute, Choice::Base(FallbackReason::NoRoute));
        let refused = Confidence {
            score: 0.0,
            reasons: vec![Reason::PromptBlocked],
        };
        check(Tuned::Replied(&refused), Choice::Tuned);
        let strict = Rules {
            without_route: WithoutRoute::Refuse,
            ..Rules::default()
        };
        assert_eq!(choose(Tuned::NoRoute, &strict), Choice::Refuse);
    }

    #[test]
    fn only_steady_answers_are_remembered() {
        assert!(may_be_remembered(None, &sure(1.0)));
        assert!(may_be_remembered(
            Some(FallbackReason::LowConfidence),
            &sure(0.8)
        ));
        assert!(!may_be_remembered(
            Some(FallbackReason::TunedFailed),
            &sure(1.0)
        ));
        assert!(!may_be_remembered(
            Some(FallbackReason::NoRoute),
            &sure(1.0)
        ));
        assert!(!may_be_remembered(None, &sure(0.0)));
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
            let rules = Rules { threshold, ..Rules::default() };
            let served = |score| choose(Tuned::Replied(&sure(score)), &rules) == Choice::Tuned;
            prop_assert!(served(score + more) || !served(score));
        }
    }
}
