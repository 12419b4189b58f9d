//! Rows of two texts: what is asked and what is answered.

use super::{Convert, Format, take_text};
use crate::{
    example::{Example, Role, Turn},
    finding::Fault,
    json::Object,
};

/// `{"input": …, "output": …}`, as the tuning guides of old have it.
pub(super) static INPUT_OUTPUT: Format = Format {
    name: "input_output",
    keys: &["input", "output"],
    without: Some("instruction"),
    convert: PAIR_INPUT_OUTPUT,
};

/// `{"prompt": …, "completion": …}`, as the first models for completion took it.
pub(super) static PROMPT_COMPLETION: Format = Format {
    name: "prompt_completion",
    keys: &["prompt", "completion"],
    without: None,
    convert: PAIR_PROMPT_COMPLETION,
};

/// `{"question": …, "answer": …}`, as question-answering sets have it.
pub(super) static QUESTION_ANSWER: Format = Format {
    name: "question_answer",
    keys: &["question", "answer"],
    without: None,
    convert: PAIR_QUESTION_ANSWER,
};

const PAIR_INPUT_OUTPUT: Convert = |row, _| pair(row, "input", "output");
const PAIR_PROMPT_COMPLETION: Convert = |row, _| pair(row, "prompt", "completion");
const PAIR_QUESTION_ANSWER: Convert = |row, _| pair(row, "question", "answer");

fn pair<'a>(
    mut row: Object<'a>,
    asked: &'static str,
    answered: &'static str,
) -> Result<Example<'a>, Fault> {
    let system = take_text(&mut row, "system")?.map(|(text, _)| text);
    let mut turns = Vec::with_capacity(2);
    for (key, role) in [(asked, Role::User), (answered, Role::Model)] {
        if let Some((text, place)) = take_text(&mut row, key)? {
            turns.push(Turn::text(role, text, place));
        }
    }
    Ok(Example {
        system,
        turns,
        extras: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::check;

    const AB: &str = r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]}"#;

    #[test]
    fn two_texts_become_two_turns() {
        check(r#"{"input":"a","output":"b","id":7}"#, AB);
        check(r#"{"answer":"b","question":"a"}"#, AB);
        check(r#"{"prompt":"a","completion":"b"}"#, AB);
        check(r#"{"\u0069nput":"\u0061","output":"b"}"#, AB);
    }

    #[test]
    fn a_text_must_be_a_text() {
        check(
            r#"{"input":"a","output":7}"#,
            "wrong_type: expected a text, found a number $.output",
        );
        check(
            r#"{"input":["a"],"output":"b"}"#,
            "wrong_type: expected a text, found a list $.input",
        );
    }
}
