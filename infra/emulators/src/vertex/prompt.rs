//! The body of `generateContent`, parsed and validated.

use serde_json::{Value, json};

use super::{
    call::invalid,
    number::count,
    protojson::{bool, field, int64, string, text_of},
    tokens,
};
use crate::rest::Error;

/// A prompt that contains this is blocked: `promptFeedback.blockReason`, no candidates.
pub(super) const BLOCKED: &str = "[[emulator: block this prompt]]";
/// A prompt that contains this gets a candidate without parts.
pub(super) const EMPTY: &str = "[[emulator: answer nothing]]";
/// A prompt that contains this gets a candidate that ends with `SAFETY`.
pub(super) const UNSAFE: &str = "[[emulator: answer unsafely]]";

/// Maximum tokens of an answer, unless fewer are asked for: the documented limit of Gemini 3.x.
const ANSWER_MAX_TOKENS: u64 = 65_536;
/// Maximum of `candidateCount`.
const CANDIDATES_MAX: i64 = 8;

/// A valid question.
#[derive(Debug)]
pub(super) struct Question {
    /// The texts of all turns, one line per turn, in the form of training prompts.
    pub(super) prompt: String,
    /// Tokens of the whole request.
    pub(super) prompt_tokens: u64,
    /// Tokens that are reported for thinking.
    pub(super) thought_tokens: u64,
    /// `maxOutputTokens`.
    pub(super) tokens_max: u64,
    /// `candidateCount`.
    pub(super) candidates: u64,
    /// `stopSequences`.
    pub(super) stops: Vec<String>,
    /// The response schema of a JSON answer.
    pub(super) schema: Option<Value>,
}

impl Question {
    /// Parses the body of a question; `thinking_budget` is whether the model supports it.
    pub(super) fn read(body: &Value, thinking_budget: bool) -> Result<Self, Error> {
        let turns = turns(body)?;
        let empty = json!({});
        let config = field(body, "generationConfig").unwrap_or(&empty);
        if bool(config, "responseLogprobs")? || field(config, "logprobs").is_some() {
            return Err(invalid("Logprobs is not enabled for this model."));
        }
        let candidates = int64(config, "candidateCount")?.unwrap_or(1);
        if !(1..=CANDIDATES_MAX).contains(&candidates) {
            return Err(invalid(format!(
                "`candidate_count` must be from 1 to {CANDIDATES_MAX}."
            )));
        }
        let tokens_max = match int64(config, "maxOutputTokens")? {
            None | Some(0) => ANSWER_MAX_TOKENS,
            Some(most) => u64::try_from(most)
                .map_err(|_negative| invalid("`max_output_tokens` must be positive."))?,
        };
        Ok(Self {
            prompt: turns.join("\n"),
            prompt_tokens: prompt_tokens(body),
            thought_tokens: thought_tokens(config, thinking_budget)?,
            tokens_max,
            candidates: u64::try_from(candidates).unwrap_or(1),
            stops: stops(config),
            schema: schema(config)?,
        })
    }
}

/// The answer of `countTokens`.
pub(super) fn count_tokens(body: &Value) -> Result<Value, Error> {
    let turns = turns(body)?;
    let characters: usize = turns
        .iter()
        .map(|text| {
            text.chars()
                .filter(|character| !character.is_whitespace())
                .count()
        })
        .sum();
    let tokens = prompt_tokens(body);
    Ok(json!({
        "totalTokens": tokens,
        "totalBillableCharacters": count(characters),
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": tokens }],
    }))
}

fn turns(body: &Value) -> Result<Vec<String>, Error> {
    // proto-JSON would accept a single content as a list of one; the service requires a list.
    let contents = field(body, "contents")
        .and_then(Value::as_array)
        .filter(|contents| !contents.is_empty())
        .ok_or_else(|| {
            invalid("Unable to submit request because it must have a `contents` field.")
        })?;
    contents
        .iter()
        .map(|content| {
            let role = string(content, "role")?;
            if !["", "user", "model", "function"].contains(&role.to_ascii_lowercase().as_str()) {
                return Err(invalid("Please use a valid role: user, model."));
            }
            if field(content, "parts").is_none() {
                return Err(invalid(
                    "Unable to submit request because it must include at least one parts field.",
                ));
            }
            Ok(text_of(content))
        })
        .collect()
}

fn prompt_tokens(body: &Value) -> u64 {
    let contents = field(body, "contents").and_then(Value::as_array);
    let texts = contents.into_iter().flatten().map(text_of);
    let system = field(body, "systemInstruction").map(text_of);
    texts
        .chain(system)
        .map(|text| tokens::estimate(&text))
        .sum()
}

fn thought_tokens(config: &Value, thinking_budget: bool) -> Result<u64, Error> {
    let Some(thinking) = field(config, "thinkingConfig") else {
        return Ok(0);
    };
    if int64(thinking, "thinkingBudget")?.is_some() && !thinking_budget {
        return Err(invalid(
            "`thinking_budget` is not supported for this model; use `thinking_level`.",
        ));
    }
    match field(thinking, "thinkingLevel").map(|level| (level.as_i64(), level.as_str())) {
        // The order of the numbers does not matter to any answer here.
        None | Some((Some(_), _) | (_, Some("MINIMAL" | "THINKING_LEVEL_UNSPECIFIED"))) => Ok(0),
        Some((_, Some("LOW"))) => Ok(32),
        Some((_, Some("MEDIUM"))) => Ok(128),
        Some((_, Some("HIGH"))) => Ok(512),
        Some(_) => Err(invalid("Invalid value at 'thinking_level'.")),
    }
}

fn stops(config: &Value) -> Vec<String> {
    let stops = field(config, "stopSequences").and_then(Value::as_array);
    let texts = stops.into_iter().flatten().filter_map(Value::as_str);
    texts
        .filter(|stop| !stop.is_empty())
        .map(str::to_owned)
        .collect()
}

fn schema(config: &Value) -> Result<Option<Value>, Error> {
    if string(config, "responseMimeType")? != "application/json" {
        return Ok(None);
    }
    let schema = field(config, "responseSchema").or_else(|| field(config, "responseJsonSchema"));
    Ok(Some(schema.cloned().unwrap_or_else(
        || json!({ "type": "object", "properties": { "answer": { "type": "string" } } }),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &Value, expected: Option<&str>) {
        let body = json!({
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": config,
        });
        match (Question::read(&body, false), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(text)) if error.message.contains(text) => {}
            (read, _) => panic!("{config}: {read:?}"),
        }
    }

    #[test]
    fn settings_that_the_model_does_not_support_are_refused() {
        check(&json!({}), None);
        check(&json!({"temperature": 0.0, "seed": 1, "topP": 0.5}), None);
        check(
            &json!({"thinkingConfig": {"thinkingLevel": "MINIMAL"}}),
            None,
        );
        check(
            &json!({"responseLogprobs": true}),
            Some("Logprobs is not enabled"),
        );
        check(
            &json!({"thinkingConfig": {"thinkingBudget": 0}}),
            Some("`thinking_budget`"),
        );
        check(&json!({"candidateCount": 9}), Some("`candidate_count`"));
        check(&json!({"maxOutputTokens": -1}), Some("`max_output_tokens`"));
    }
}
