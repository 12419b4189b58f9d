//! Rows of two texts, a question and an answer, under various keys.
//!
//! Any key for a question can be combined with any key for an answer. A row with two keys for the
//! same side matches two of these formats, and is ambiguous unless both texts are equal.
//!
//! A number, a boolean or an object is an answer, too: it is written as its JSON.

use crate::{
    example::{Example, Role, Turn},
    format::{
        Format,
        fields::{answer_of, label_of, take_system, text_of},
    },
    json::{Node, Object, Text, Value},
    keys::Keys,
    rule::Fault,
};

macro_rules! pair {
    ($asked:literal $ask:ident, $answered:literal $answer:ident, $without:expr) => {
        Format {
            name: concat!($asked, "_", $answered),
            keys: Keys::$ask.and(Keys::$answer),
            without: $without,
            reads: &["system"],
            convert: |row, _| pair(row, $asked, $answered),
        }
    };
}

macro_rules! labelled {
    ($asked:literal $ask:ident, $answered:literal $answer:ident, $without:expr) => {
        Format {
            name: concat!($asked, "_", $answered),
            keys: Keys::$ask.and(Keys::$answer),
            without: $without,
            reads: &["system", "label_text"],
            convert: |row, _| labelled(row, $asked, $answered),
        }
    };
}

/// `{"input": …, "output": …}`, as in older tuning guides.
pub(super) static INPUT_OUTPUT: Format = pair!("input" INPUT, "output" OUTPUT, Keys::INSTRUCTION);

/// `{"prompt": …, "completion": …}`, as for the first completion models.
pub(super) static PROMPT_COMPLETION: Format =
    pair!("prompt" PROMPT, "completion" COMPLETION, Keys::NONE);

/// `{"question": …, "answer": …}`, as in question-answering datasets.
pub(super) static QUESTION_ANSWER: Format = pair!("question" QUESTION, "answer" ANSWER, Keys::NONE);

/// `{"text": …, "label": …}`, as in classification datasets.
pub(super) static TEXT_LABEL: Format = labelled!("text" TEXT, "label" LABEL, Keys::NONE);

/// `{"text": …, "category": …}`.
pub(super) static TEXT_CATEGORY: Format = labelled!("text" TEXT, "category" CATEGORY, Keys::NONE);

/// `{"input": …, "label": …}`: only if a recipe maps columns to these names.
pub(super) static INPUT_LABEL: Format = labelled!("input" INPUT, "label" LABEL, Keys::NONE);

/// The question key of one pair with the answer key of another.
pub(super) static INPUT_COMPLETION: Format =
    pair!("input" INPUT, "completion" COMPLETION, Keys::INSTRUCTION);
/// The question key of one pair with the answer key of another.
pub(super) static INPUT_ANSWER: Format = pair!("input" INPUT, "answer" ANSWER, Keys::INSTRUCTION);
/// The question key of one pair with the answer key of another.
pub(super) static INPUT_RESPONSE: Format =
    pair!("input" INPUT, "response" RESPONSE, Keys::INSTRUCTION);
/// The question key of one pair with the answer key of another.
pub(super) static PROMPT_OUTPUT: Format = pair!("prompt" PROMPT, "output" OUTPUT, Keys::NONE);
/// The question key of one pair with the answer key of another.
pub(super) static PROMPT_ANSWER: Format = pair!("prompt" PROMPT, "answer" ANSWER, Keys::NONE);
/// The question key of one pair with the answer key of another.
pub(super) static PROMPT_RESPONSE: Format = pair!("prompt" PROMPT, "response" RESPONSE, Keys::NONE);
/// The question key of one pair with the answer key of another.
pub(super) static QUESTION_OUTPUT: Format = pair!("question" QUESTION, "output" OUTPUT, Keys::NONE);
/// The question key of one pair with the answer key of another.
pub(super) static QUESTION_COMPLETION: Format =
    pair!("question" QUESTION, "completion" COMPLETION, Keys::NONE);
/// The question key of one pair with the answer key of another.
pub(super) static QUESTION_RESPONSE: Format =
    pair!("question" QUESTION, "response" RESPONSE, Keys::NONE);

fn pair<'a>(
    mut row: Object<'a>,
    asked: &'static str,
    answered: &'static str,
) -> Result<Example<'a>, Fault> {
    let system = take_system(&mut row)?;
    let [question, answer] = row.take_all([asked, answered]);
    let mut example = ask(system.map(|(text, _)| text), question, asked)?;
    if let Some((text, location)) = answer_of(answer, answered)? {
        example.turns.push(Turn::text(Role::Model, text, location));
    }
    Ok(example)
}

/// A pair whose answer may be a number or a boolean: the name of a class.
fn labelled<'a>(
    mut row: Object<'a>,
    asked: &'static str,
    answered: &'static str,
) -> Result<Example<'a>, Fault> {
    let system = take_system(&mut row)?;
    let [question, answer, named] = row.take_all([asked, answered, "label_text"]);
    let mut example = ask(system.map(|(text, _)| text), question, asked)?;
    let is_name = |node: &Node<'_>| matches!(&node.value, Value::Text(text) if !text.is_blank());
    // The name of a class says more than its number.
    let answer = named.filter(is_name).or(answer);
    if let Some((text, location)) = label_of(answer, answered)? {
        example.turns.push(Turn::text(Role::Model, text, location));
    }
    Ok(example)
}

/// An example with the `question` that the row has under `key`, and no answer.
fn ask<'a>(
    system: Option<Text<'a>>,
    question: Option<Node<'a>>,
    key: &'static str,
) -> Result<Example<'a>, Fault> {
    let mut turns = Vec::with_capacity(2);
    if let Some((text, location)) = text_of(question, key)? {
        turns.push(Turn::text(Role::User, text, location));
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
    fn any_question_key_combines_with_any_answer_key() {
        for asked in ["input", "prompt", "question"] {
            for answered in ["output", "completion", "answer", "response"] {
                check(&format!(r#"{{"{asked}":"a","{answered}":"b"}}"#), AB);
            }
        }
    }

    #[test]
    fn the_context_is_put_above_the_question() {
        let row = |context: &str| format!(r#"{{"question":"a","context":{context},"answer":"b"}}"#);
        let both = AB.replace(r#""a""#, r#""Of a.\n\na""#);
        check(&row(r#""Of a. ""#), &both);
        for none in ["null", "[]", r#"" ""#] {
            check(&row(none), AB);
        }
    }

    #[test]
    fn a_label_becomes_the_answer() {
        check(r#"{"text":"a","label":"b"}"#, AB);
        check(r#"{"category":"b","text":"a"}"#, AB);
        let class = AB.replace(r#""b""#, r#""1""#);
        check(r#"{"text":"a","label":1}"#, &class);
        let class = AB.replace(r#""b""#, r#""true""#);
        check(r#"{"text":"a","label":true}"#, &class);
        check(
            r#"{"text":"a","label":["b"]}"#,
            "wrong_type: expected a string, a number or a boolean, found an array $.label",
        );
    }

    #[test]
    fn answers_may_be_any_value_but_a_list() {
        for (value, answer) in [
            ("7", "7"),
            ("1.50", "1.50"),
            ("true", "true"),
            (
                r#"{"name": "b", "age": 7}"#,
                r#"{\"name\":\"b\",\"age\":7}"#,
            ),
        ] {
            let expected = AB.replace(r#""b""#, &format!("\"{answer}\""));
            check(&format!(r#"{{"input":"a","output":{value}}}"#), &expected);
        }
    }

    #[test]
    fn the_name_of_a_class_says_more_than_its_number() {
        check(r#"{"text":"a","label":1,"label_text":"b"}"#, AB);
        check(r#"{"text":"a","label":"b","Label Name":""}"#, AB);
    }

    #[test]
    fn a_system_instruction_has_several_forms() {
        let expected =
            crate::formats::tests::convert(r#"{"system":"s\nt","input":"a","output":"b"}"#);
        for system in [
            r#"["s","t"]"#,
            r#"[{"text":"s"},{"type":"text","text":"t","cache_control":{}}]"#,
            r#"{"parts":[{"text":"s"},{"text":"t"}]}"#,
            r#"{"role":"system","content":"s\nt"}"#,
        ] {
            check(
                &format!(r#"{{"System Prompt":{system},"input":"a","output":"b"}}"#),
                &expected,
            );
        }
        check(
            r#"{"system":7,"input":"a","output":"b"}"#,
            "wrong_type: expected a string, found a number $.system",
        );
    }

    #[test]
    fn questions_and_answers_must_be_strings() {
        check(
            r#"{"input":"a","output":["b"]}"#,
            "wrong_type: expected a string, found an array $.output",
        );
        check(
            r#"{"input":["a"],"output":"b"}"#,
            "wrong_type: expected a string, found an array $.input",
        );
    }
}
