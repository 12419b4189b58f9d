//! How far a reply can be trusted, scored from the reply alone.
//!
//! Each defect multiplies the score by a factor of its own; the product is compared with a threshold (see [`crate::choose`]).
//! The factors order replies from useless to good. They are not probabilities: those would come from counting how often replies
//! of a score were right, which is why score and reasons are part of every answer.

mod certainty;
mod refusal;
mod repetition;
mod schema;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::question::AnswerDemands;

/// The confidence in a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Confidence {
    /// From 0 (not an answer) to 1 (no defect).
    pub score: f64,
    /// The defects that lowered it; empty if there are none.
    pub reasons: Vec<Reason>,
}

/// A defect of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A filter refused the prompt, before any model saw it. It would refuse it for the base model too.
    PromptBlocked,
    /// A filter refused the answer.
    Blocked,
    /// The model broke off: a malformed call, or an unknown finish reason.
    Broken,
    /// Nothing that can be seen, and no function call.
    Blank,
    /// Cut at the model's own token limit. One that the caller set is not counted.
    Cut,
    /// The caller asked for JSON, and the text is none.
    InvalidJson,
    /// The caller gave a schema, and the JSON does not follow it.
    SchemaMismatch,
    /// The model refuses in its own words, as a base model might not.
    Refusal,
    /// Repeats the same words.
    Repeats,
    /// Shorter than answers of this model should be.
    TooShort,
    /// Longer than answers of this model should be.
    TooLong,
    /// The model gave its own tokens low probabilities, or saw many alternatives.
    Unsure,
}

/// The expected length of answers, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpectedLength {
    /// Fewer are too few. 0 means no lower limit.
    pub chars_min: usize,
    /// More are too many. `None` means no upper limit.
    pub chars_max: Option<usize>,
}

/// Factor for a truncated answer, which may be useful up to the cut.
const CUT: f64 = 0.4;

/// Factor for an answer of unexpected length, which is suspect but more often right than wrong.
const LENGTH: f64 = 0.6;

/// Factor for a refusal: just below the threshold of 0.5, so that the base model is asked, and serves where it
/// does not refuse.
const REFUSAL: f64 = 0.45;

/// Factor for text where JSON was asked for: of no use to a program.
const INVALID_JSON: f64 = 0.1;

/// Factor for JSON that does not follow its schema.
const SCHEMA_MISMATCH: f64 = 0.3;

/// Scores a `GenerateContentResponse` by its first candidate.
pub fn score(response: &Value, asked: &AnswerDemands, expected: &ExpectedLength) -> Confidence {
    let Some(candidate) = response.pointer("/candidates/0") else {
        let blocked = response.pointer("/promptFeedback/blockReason").is_some();
        return worthless(if blocked {
            Reason::PromptBlocked
        } else {
            Reason::Blank
        });
    };
    let mut tally = ConfidenceTally::default();
    let mut cut_as_asked = false;
    match candidate.get("finishReason").and_then(Value::as_str) {
        None | Some("STOP" | "FINISH_REASON_UNSPECIFIED") => {}
        Some("MAX_TOKENS") if asked.own_token_limit => cut_as_asked = true,
        Some("MAX_TOKENS") => tally.add(Reason::Cut, CUT),
        Some(
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR",
        ) => return worthless(Reason::Blocked),
        Some(reason) if reason.starts_with("IMAGE_") => return worthless(Reason::Blocked),
        Some(_) => return worthless(Reason::Broken),
    }
    let parts = candidate
        .pointer("/content/parts")
        .and_then(Value::as_array);
    let parts = parts.map_or(&[][..], Vec::as_slice);
    let text = text(parts);
    // A function call is scored by how it ended and how certain it was: its length and repetitions are those of a schema.
    if !parts.iter().any(|part| part.get("functionCall").is_some()) {
        if is_blank(&text) && !cut_as_asked {
            return worthless(Reason::Blank);
        }
        // What the caller had cut cannot be measured.
        if !cut_as_asked {
            score_text(&text, asked, expected, &mut tally);
        }
    }
    if let Some(certainty) = certainty::of(candidate).filter(|certainty| *certainty < 1.0) {
        tally.add(Reason::Unsure, certainty);
    }
    Confidence {
        score: tally.score.clamp(0.0, 1.0),
        reasons: tally.reasons,
    }
}

fn score_text(
    text: &str,
    asked: &AnswerDemands,
    expected: &ExpectedLength,
    tally: &mut ConfidenceTally,
) {
    if asked.json {
        return score_json(text, asked, tally);
    }
    if refusal::is_one(text) {
        tally.add(Reason::Refusal, REFUSAL);
    }
    let chars = text.trim().chars().count();
    if chars < expected.chars_min {
        tally.add(Reason::TooShort, LENGTH);
    }
    if expected.chars_max.is_some_and(|max| chars > max) {
        tally.add(Reason::TooLong, LENGTH);
    }
    let repeated = repetition::share(text);
    if repeated > repetition::SHARE_MAX {
        tally.add(Reason::Repeats, 1.0 - repeated);
    }
}

/// The repetitions of JSON are those of its schema, so only its form is scored.
fn score_json(text: &str, asked: &AnswerDemands, tally: &mut ConfidenceTally) {
    match (serde_json::from_str::<Value>(text), &asked.schema) {
        (Err(_), _) => tally.add(Reason::InvalidJson, INVALID_JSON),
        (Ok(value), Some(schema)) if !schema::accepts(schema, &value) => {
            tally.add(Reason::SchemaMismatch, SCHEMA_MISMATCH);
        }
        (Ok(_), _) => {}
    }
}

/// Whether nothing of the text can be seen: whitespace, and characters without width.
fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(
                letter,
                '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'
            )
    })
}

/// The text of the reply, without thoughts.
fn text(parts: &[Value]) -> String {
    parts
        .iter()
        .filter(|part| part.get("thought") != Some(&Value::Bool(true)))
        .filter_map(|part| part.get("text")?.as_str())
        .collect()
}

fn worthless(reason: Reason) -> Confidence {
    Confidence {
        score: 0.0,
        reasons: vec![reason],
    }
}

struct ConfidenceTally {
    score: f64,
    reasons: Vec<Reason>,
}

impl Default for ConfidenceTally {
    fn default() -> Self {
        Self {
            score: 1.0,
            reasons: Vec::new(),
        }
    }
}

impl ConfidenceTally {
    fn add(&mut self, reason: Reason, factor: f64) {
        self.score *= factor;
        self.reasons.push(reason);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn reply(finish_reason: &str, text: &str) -> Value {
        json!({ "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": finish_reason }] })
    }

    #[track_caller]
    fn check(response: &Value, reasons: &[Reason], score: f64) {
        let expected = ExpectedLength {
            chars_min: 3,
            chars_max: Some(400),
        };
        let confidence = super::score(response, &AnswerDemands::default(), &expected);
        assert_eq!(confidence.reasons, reasons, "{response}");
        assert!(
            (confidence.score - score).abs() < 1e-9,
            "{response}: {}",
            confidence.score
        );
    }

    #[test]
    fn each_defect_has_its_reason() {
        check(&reply("STOP", "a fine answer"), &[], 1.0);
        check(&reply("STOP", " \n"), &[Reason::Blank], 0.0);
        check(&json!({}), &[Reason::Blank], 0.0);
        check(&json!("nonsense"), &[Reason::Blank], 0.0);
        check(
            &json!({ "promptFeedback": { "blockReason": "SAFETY" } }),
            &[Reason::PromptBlocked],
            0.0,
        );
        check(&reply("SAFETY", "partly"), &[Reason::Blocked], 0.0);
        check(&reply("IMAGE_SAFETY", ""), &[Reason::Blocked], 0.0);
        check(
            &reply("MALFORMED_FUNCTION_CALL", "buy("),
            &[Reason::Broken],
            0.0,
        );
        check(&reply("INVENTED_IN_2030", "text"), &[Reason::Broken], 0.0);
        check(&reply("MAX_TOKENS", "half an"), &[Reason::Cut], 0.4);
        check(&reply("STOP", "no"), &[Reason::TooShort], 0.6);
        check(
            &reply("MAX_TOKENS", "no"),
            &[Reason::Cut, Reason::TooShort],
            0.24,
        );
        let long = (0..150)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        check(&reply("STOP", &long), &[Reason::TooLong], 0.6);
    }

    #[test]
    fn a_loop_is_detected() {
        let confidence = score(
            &reply("STOP", &"and so on and on ".repeat(30)),
            &AnswerDemands::default(),
            &ExpectedLength::default(),
        );
        assert_eq!(confidence.reasons, [Reason::Repeats]);
        assert!(confidence.score < 0.1, "{confidence:?}");
    }

    #[track_caller]
    fn check_asked(asked: &AnswerDemands, response: &Value, reasons: &[Reason]) {
        let confidence = score(response, asked, &ExpectedLength::default());
        assert_eq!(confidence.reasons, reasons, "{response}");
    }

    #[test]
    fn text_that_cannot_be_seen_is_blank() {
        for text in ["\u{200b}", "\u{feff}\n\u{2060}", "\u{ad} \u{0}"] {
            check(&reply("STOP", text), &[Reason::Blank], 0.0);
        }
        check(&reply("STOP", "\u{200b}yes"), &[], 1.0);
    }

    #[test]
    fn the_callers_own_limit_is_no_defect() {
        let limited = AnswerDemands {
            own_token_limit: true,
            ..AnswerDemands::default()
        };
        for text in ["The five", "", "{\"half"] {
            check_asked(&limited, &reply("MAX_TOKENS", text), &[]);
        }
        check_asked(&limited, &reply("STOP", ""), &[Reason::Blank]);
        check_asked(
            &AnswerDemands::default(),
            &reply("MAX_TOKENS", "x"),
            &[Reason::Cut],
        );
    }

    #[test]
    fn json_is_checked_where_it_was_asked_for() {
        let json = AnswerDemands {
            json: true,
            schema: Some(json!({ "type": "OBJECT", "required": ["a"] })),
            ..AnswerDemands::default()
        };
        check_asked(&json, &reply("STOP", r#"{"a": 1}"#), &[]);
        check_asked(
            &json,
            &reply("STOP", r#"{"b": 1}"#),
            &[Reason::SchemaMismatch],
        );
        check_asked(&json, &reply("STOP", r#"{"a": 1"#), &[Reason::InvalidJson]);
        check_asked(&AnswerDemands::default(), &reply("STOP", r#"{"a": 1"#), &[]);
    }

    #[test]
    fn a_refusal_is_a_reason_to_ask_the_base_model() {
        let refusal = reply("STOP", "I'm sorry, but I can't help with that.");
        check(&refusal, &[Reason::Refusal], 0.45);
    }

    #[test]
    fn a_function_call_is_not_blank() {
        let call = json!({ "candidates": [{ "content": { "parts": [{ "functionCall": { "name": "buy" } }] }, "finishReason": "STOP" }] });
        check(&call, &[], 1.0);
    }

    #[test]
    fn an_unsure_model_lowers_the_score() {
        let mut response = reply("STOP", "perhaps");
        response["candidates"][0]["avgLogprobs"] = json!(-0.05);
        check(&response, &[], 1.0);
        // e^-1.4 = 0.2466, of the 0.5 that counts as sure.
        response["candidates"][0]["avgLogprobs"] = json!(-1.4);
        check(&response, &[Reason::Unsure], 2.0 * f64::exp(-1.4));
    }

    #[test]
    fn reasons_are_spelt_in_snake_case() {
        let stored = serde_json::to_string(&worthless(Reason::PromptBlocked)).unwrap();
        assert_eq!(stored, r#"{"score":0.0,"reasons":["prompt_blocked"]}"#);
    }

    proptest! {
        #[test]
        fn a_score_lies_between_0_and_1_and_is_1_without_a_reason(
            text in "\\PC{0,200}", logprob in -1e9..1e9_f64, finish in prop_oneof!["STOP", "MAX_TOKENS", "OTHER"],
        ) {
            let mut response = reply(&finish, &text);
            response["candidates"][0]["avgLogprobs"] = json!(logprob);
            let confidence = score(&response, &AnswerDemands::default(), &ExpectedLength { chars_min: 5, chars_max: Some(100) });
            prop_assert!((0.0..=1.0).contains(&confidence.score));
            prop_assert_eq!(confidence.reasons.is_empty(), confidence.score > 1.0 - 1e-12);
        }
    }
}
