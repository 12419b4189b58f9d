//! The answer of a model to one prompt. A reply that is empty, blocked or broken is an answer too: it scores 0 and is counted
//! apart, since a gate that skipped those would promote a model that refuses to answer. A failed call is none: see `crate::ask`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use scores::{
    metric::{Metric, Scratch},
    metrics::scored,
};

use crate::turn;

/// One reply of one model.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelAnswer {
    /// The text; empty unless answered or truncated.
    #[serde(default)]
    pub text: String,
    /// How the call ended.
    pub outcome: AnswerOutcome,
    /// From sending the request to the last byte of the reply.
    pub latency_ms: u64,
    /// `promptTokenCount`.
    #[serde(default)]
    pub input_tokens: u64,
    /// `candidatesTokenCount` and `thoughtsTokenCount` together, since both are billed as output.
    #[serde(default)]
    pub output_tokens: u64,
    /// `thoughtsTokenCount` alone.
    #[serde(default)]
    pub thought_tokens: u64,
    /// `modelVersion`, where the reply names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerOutcome {
    /// The model stopped by itself, with text.
    Answered,
    /// Cut at the token limit. The text is scored as it is, because users would see that very text.
    Truncated,
    /// A filter refused the prompt or the answer.
    Blocked {
        /// `blockReason` or `finishReason`, as Google names it.
        reason: String,
    },
    /// The model stopped by itself, with nothing but whitespace.
    Empty,
    /// A reply that its `finishReason` marks as broken.
    Failed {
        /// Such as `MALFORMED_FUNCTION_CALL`.
        code: String,
    },
}

impl AnswerOutcome {
    /// Whether the row scores 0 on every metric.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Answered | Self::Truncated => false,
            Self::Blocked { .. } | Self::Empty | Self::Failed { .. } => true,
        }
    }
}

impl ModelAnswer {
    /// Reads a `GenerateContentResponse`. Only the first candidate counts: we never ask for a second.
    pub fn from_response(response: &Value, latency_ms: u64) -> Self {
        let candidate = response.pointer("/candidates/0");
        let text = candidate
            .and_then(|candidate| candidate.get("content"))
            .map(turn::text)
            .unwrap_or_default();
        let outcome = outcome(response, candidate, &text);
        let usage = response.get("usageMetadata");
        let tokens = |name: &str| {
            usage
                .and_then(|usage| usage.get(name)?.as_u64())
                .unwrap_or(0)
        };
        Self {
            text: if outcome.is_failure() {
                String::new()
            } else {
                text
            },
            outcome,
            latency_ms,
            input_tokens: tokens("promptTokenCount"),
            output_tokens: tokens("candidatesTokenCount")
                .saturating_add(tokens("thoughtsTokenCount")),
            thought_tokens: tokens("thoughtsTokenCount"),
            model_version: response
                .get("modelVersion")
                .and_then(Value::as_str)
                .map(str::to_owned),
        }
    }

    /// A reply without usable content.
    pub fn failed(code: impl Into<String>, latency_ms: u64) -> Self {
        Self {
            text: String::new(),
            outcome: AnswerOutcome::Failed { code: code.into() },
            latency_ms,
            input_tokens: 0,
            output_tokens: 0,
            thought_tokens: 0,
            model_version: None,
        }
    }

    /// The score of this answer on `metric`: 0 for a failure, whatever the reference.
    pub fn score(&self, metric: &dyn Metric, reference: &str) -> f64 {
        if self.outcome.is_failure() {
            return 0.0;
        }
        metric.score(&mut Scratch::default().pair(scored(&self.text), scored(reference)))
    }
}

/// The text is user data: a log may show nothing but its length.
impl fmt::Debug for ModelAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelAnswer")
            .field("text_bytes", &self.text.len())
            .field("outcome", &self.outcome)
            .field("latency_ms", &self.latency_ms)
            .field("input_tokens", &self.input_tokens)
            .field("output_tokens", &self.output_tokens)
            .field("thought_tokens", &self.thought_tokens)
            .field("model_version", &self.model_version)
            .finish()
    }
}

/// Source of the names: Vertex AI v1, `GenerateContentResponse.Candidate.FinishReason` and `PromptFeedback.BlockedReason`.
fn outcome(response: &Value, candidate: Option<&Value>, text: &str) -> AnswerOutcome {
    let Some(candidate) = candidate else {
        let reason = response.pointer("/promptFeedback/blockReason");
        return match reason.and_then(Value::as_str) {
            Some(reason) => AnswerOutcome::Blocked {
                reason: reason.to_owned(),
            },
            None => AnswerOutcome::Empty,
        };
    };
    match candidate.get("finishReason").and_then(Value::as_str) {
        None | Some("STOP" | "FINISH_REASON_UNSPECIFIED") if text.trim().is_empty() => {
            AnswerOutcome::Empty
        }
        None | Some("STOP" | "FINISH_REASON_UNSPECIFIED") => AnswerOutcome::Answered,
        // Thinking may use up the token limit before the first word: still truncated, and scored as an empty text.
        Some("MAX_TOKENS") => AnswerOutcome::Truncated,
        Some(
            reason @ ("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
            | "MODEL_ARMOR"),
        ) => AnswerOutcome::Blocked {
            reason: reason.to_owned(),
        },
        Some(reason) if reason.starts_with("IMAGE_") => AnswerOutcome::Blocked {
            reason: reason.to_owned(),
        },
        // `OTHER`, the malformed ones, and reasons added by Google after this was written: not a usable answer.
        Some(reason) => AnswerOutcome::Failed {
            code: reason.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use scores::metrics::METRICS;

    fn reply(finish_reason: &str, text: &str) -> Value {
        json!({
            "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": finish_reason }],
            "usageMetadata": { "promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2 },
            "modelVersion": "gemini-3.5-flash",
        })
    }

    fn blocked(reason: &str) -> AnswerOutcome {
        AnswerOutcome::Blocked {
            reason: reason.into(),
        }
    }

    fn failed(code: &str) -> AnswerOutcome {
        AnswerOutcome::Failed { code: code.into() }
    }

    #[track_caller]
    fn check(response: &Value, outcome: &AnswerOutcome, text: &str) {
        let answer = ModelAnswer::from_response(response, 12);
        assert_eq!(
            (&answer.outcome, answer.text.as_str()),
            (outcome, text),
            "{response}"
        );
    }

    #[test]
    fn a_reply_is_classified_by_how_it_ended() {
        check(&reply("STOP", "yes"), &AnswerOutcome::Answered, "yes");
        check(&reply("STOP", " \n"), &AnswerOutcome::Empty, "");
        check(
            &reply("MAX_TOKENS", "half a"),
            &AnswerOutcome::Truncated,
            "half a",
        );
        check(&reply("MAX_TOKENS", ""), &AnswerOutcome::Truncated, "");
        check(&reply("SAFETY", "partial"), &blocked("SAFETY"), "");
        check(
            &reply("IMAGE_RECITATION", ""),
            &blocked("IMAGE_RECITATION"),
            "",
        );
        check(&reply("OTHER", "text"), &failed("OTHER"), "");
        check(
            &reply("INVENTED_IN_2030", "text"),
            &failed("INVENTED_IN_2030"),
            "",
        );
        check(
            &json!({ "promptFeedback": { "blockReason": "JAILBREAK" } }),
            &blocked("JAILBREAK"),
            "",
        );
        check(&json!({ "candidates": [] }), &AnswerOutcome::Empty, "");
        check(&json!({}), &AnswerOutcome::Empty, "");
        check(&json!("nonsense"), &AnswerOutcome::Empty, "");
    }

    #[test]
    fn thoughts_are_counted_as_output() {
        let answer = ModelAnswer::from_response(&reply("STOP", "yes"), 12);
        assert_eq!(
            (answer.input_tokens, answer.output_tokens, answer.latency_ms),
            (7, 5, 12)
        );
        assert_eq!(answer.model_version.as_deref(), Some("gemini-3.5-flash"));
    }

    #[test]
    fn a_failure_scores_0_on_every_metric() {
        for metric in METRICS {
            let failure = ModelAnswer::failed("OTHER", 5);
            assert!(
                failure.score(*metric, "") < f64::EPSILON,
                "{}",
                metric.name()
            );
        }
    }

    #[test]
    fn debug_shows_no_text() {
        let shown = format!(
            "{:?}",
            ModelAnswer::from_response(&reply("STOP", "sesame"), 1)
        );
        assert!(!shown.contains("sesame"), "{shown}");
        assert!(shown.contains("text_bytes: 6"), "{shown}");
    }
}
