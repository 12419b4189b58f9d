//! One line of a training file, with the checks of Google's own pre-flight notebook.
//!
//! The names of the errors are those of the notebook
//! `vertexai_supervised_tuning_token_count_and_cost_estimation` in GoogleCloudPlatform/generative-ai.

use serde_json::Value;

use super::{protojson, tokens};

/// Tokens of one example, input and output together: the documented limit of Gemini 3.x.
pub(super) const EXAMPLE_MAX_TOKENS: u64 = 131_072;
/// Tokens assumed for a picture or another file that a row refers to: one image tile.
const FILE_TOKENS: u64 = 258;

/// Why a line is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowError {
    #[error("invalid_json: the line is not a JSON object")]
    InvalidJson,
    #[error("missing_contents_list: `contents` is missing")]
    MissingContents,
    #[error("invalid_contents_list: `contents` is not a list, or is empty")]
    InvalidContents,
    #[error("invalid_content_item: an item of `contents` is not an object")]
    InvalidItem,
    #[error("content_item_missing_key: an item of `contents` lacks `role` or `parts`")]
    MissingKey,
    #[error("unrecognized_role: a role is neither `user` nor `model`")]
    UnrecognizedRole,
    #[error("missing_or_invalid_parts: `parts` is not a list, or is empty")]
    InvalidParts,
    #[error("invalid_part: a part is not text, file or function data; or a model turn is not text")]
    InvalidPart,
    #[error("missing_text: a text is empty")]
    MissingText,
    #[error("consecutive_turns: the roles do not alternate, beginning with `user`")]
    ConsecutiveTurns,
    #[error("missing_model_turn: the last turn is not the model's")]
    MissingModelTurn,
    #[error("too_long: the example exceeds 131072 tokens")]
    TooLong,
}

/// A usable line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrainingRow {
    /// Everything before the last model turn except the system instruction, one line per turn.
    pub(super) prompt: String,
    /// The last model turn.
    pub(super) answer: String,
    /// Turns of the user.
    pub(super) user_turns: u64,
    /// Tokens outside the model's turns.
    pub(super) input_tokens: u64,
    /// Tokens of the model's turns.
    pub(super) output_tokens: u64,
    /// Characters of all turns.
    pub(super) characters: u64,
}

/// Parses one line.
pub(super) fn read(line: &[u8]) -> Result<TrainingRow, RowError> {
    let row: Value = serde_json::from_slice(line).map_err(|_not_json| RowError::InvalidJson)?;
    if !row.is_object() {
        return Err(RowError::InvalidJson);
    }
    let contents = match protojson::field(&row, "contents") {
        None => return Err(RowError::MissingContents),
        Some(Value::Array(contents)) if !contents.is_empty() => contents,
        Some(_) => return Err(RowError::InvalidContents),
    };
    let mut example = TrainingRow {
        prompt: String::new(),
        answer: String::new(),
        user_turns: 0,
        input_tokens: 0,
        output_tokens: 0,
        characters: 0,
    };
    if let Some(system) = protojson::field(&row, "systemInstruction") {
        let text = protojson::text_of(system);
        example.input_tokens += tokens::estimate(&text);
        example.characters += super::number::count(text.chars().count());
    }
    let mut previous = None;
    for content in contents {
        let turn = turn(content)?;
        if previous == Some(turn.role) || (previous.is_none() && turn.role == Role::Model) {
            return Err(RowError::ConsecutiveTurns);
        }
        previous = Some(turn.role);
        example.take(turn);
    }
    if previous != Some(Role::Model) {
        return Err(RowError::MissingModelTurn);
    }
    if example.input_tokens + example.output_tokens > EXAMPLE_MAX_TOKENS {
        return Err(RowError::TooLong);
    }
    Ok(example)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    Model,
}

struct Turn {
    role: Role,
    text: String,
    tokens: u64,
}

impl TrainingRow {
    fn take(&mut self, turn: Turn) {
        self.characters += super::number::count(turn.text.chars().count());
        match turn.role {
            Role::User => {
                self.user_turns += 1;
                self.input_tokens += turn.tokens;
                // A model turn that is followed by a user turn is part of the prompt of the last turn.
                let earlier = std::mem::take(&mut self.answer);
                for text in [earlier, turn.text] {
                    if !self.prompt.is_empty() && !text.is_empty() {
                        self.prompt.push('\n');
                    }
                    self.prompt.push_str(&text);
                }
            }
            Role::Model => {
                self.output_tokens += turn.tokens;
                self.answer = turn.text;
            }
        }
    }
}

fn turn(content: &Value) -> Result<Turn, RowError> {
    if !content.is_object() {
        return Err(RowError::InvalidItem);
    }
    let (Some(role), Some(parts)) = (content.get("role"), content.get("parts")) else {
        return Err(RowError::MissingKey);
    };
    let role = match role.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("user" | "function") => Role::User,
        Some("model") => Role::Model,
        Some(_) | None => return Err(RowError::UnrecognizedRole),
    };
    let parts = match parts.as_array() {
        Some(parts) if !parts.is_empty() => parts,
        Some(_) | None => return Err(RowError::InvalidParts),
    };
    let mut turn = Turn {
        role,
        text: String::new(),
        tokens: 0,
    };
    for part in parts {
        let (text, tokens) = part_of(role, part)?;
        turn.text.push_str(&text);
        turn.tokens += tokens;
    }
    Ok(turn)
}

fn part_of(role: Role, part: &Value) -> Result<(String, u64), RowError> {
    if let Some(text) = part.get("text") {
        let text = text.as_str().ok_or(RowError::InvalidPart)?;
        if text.trim().is_empty() {
            return Err(RowError::MissingText);
        }
        return Ok((text.to_owned(), tokens::estimate(text)));
    }
    let function = protojson::field(part, "functionCall")
        .or_else(|| protojson::field(part, "functionResponse"));
    if let Some(function) = function {
        let text = function.to_string();
        let tokens = tokens::estimate(&text);
        return Ok((text, tokens));
    }
    if role == Role::User && protojson::field(part, "fileData").is_some() {
        return Ok((String::new(), FILE_TOKENS));
    }
    Err(RowError::InvalidPart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<(&str, &str), RowError>) {
        let read = read(line.as_bytes());
        let found = read
            .as_ref()
            .map(|row| (row.prompt.as_str(), row.answer.as_str()));
        assert_eq!(found, expected.as_ref().copied(), "{line}");
    }

    #[test]
    fn rows_are_parsed_or_refused_by_name() {
        let user = r#"{"role":"user","parts":[{"text":"Hi"}]}"#;
        let model = r#"{"role":"model","parts":[{"text":"Hello"}]}"#;
        let row = |turns: &[&str]| format!(r#"{{"contents":[{}]}}"#, turns.join(","));
        check(&row(&[user, model]), Ok(("Hi", "Hello")));
        check(
            &row(&[user, model, user, model]),
            Ok(("Hi\nHello\nHi", "Hello")),
        );
        check("not json", Err(RowError::InvalidJson));
        check("[]", Err(RowError::InvalidJson));
        check(
            r#"{"input":"a","output":"b"}"#,
            Err(RowError::MissingContents),
        );
        check(r#"{"contents":{}}"#, Err(RowError::InvalidContents));
        check(r#"{"contents":[1]}"#, Err(RowError::InvalidItem));
        check(
            r#"{"contents":[{"role":"user"}]}"#,
            Err(RowError::MissingKey),
        );
        check(
            &row(&[r#"{"role":"assistant","parts":[{"text":"x"}]}"#]),
            Err(RowError::UnrecognizedRole),
        );
        check(
            &row(&[r#"{"role":"user","parts":"x"}"#]),
            Err(RowError::InvalidParts),
        );
        check(
            &row(&[r#"{"role":"user","parts":[{"x":1}]}"#]),
            Err(RowError::InvalidPart),
        );
        check(
            &row(&[r#"{"role":"user","parts":[{"text":" "}]}"#]),
            Err(RowError::MissingText),
        );
        check(&row(&[user, user, model]), Err(RowError::ConsecutiveTurns));
        check(&row(&[model]), Err(RowError::ConsecutiveTurns));
        check(&row(&[user]), Err(RowError::MissingModelTurn));
        let long = format!(
            r#"{{"role":"user","parts":[{{"text":"{}"}}]}}"#,
            "word ".repeat(110_000)
        );
        check(&row(&[&long, model]), Err(RowError::TooLong));
    }

    #[test]
    fn a_single_turn_bills_its_input_and_its_output() {
        let line = r#"{"systemInstruction":{"role":"system","parts":[{"text":"Be kind."}]},
            "contents":[{"role":"user","parts":[{"text":"Hi there"}]},{"role":"model","parts":[{"text":"Hello"}]}]}"#;
        let example = read(line.as_bytes()).unwrap();
        assert_eq!(
            (
                example.input_tokens,
                example.output_tokens,
                example.user_turns
            ),
            (4, 2, 1)
        );
    }
}
