//! Rows of two texts: what is asked and what is answered, by whatever words.
//!
//! Any word for a question goes with any word for an answer. Where a row has two words for the
//! same, it fits two of these formats, and is ambiguous unless both texts are the same.
//!
//! A `context` that the answer is to be found in, as `SQuAD` has it, stands above the question, with
//! a blank line between: so have it the templates of FLAN for reading comprehension, and Google
//! advises to put the question last where the context is long.

use crate::{
    example::{Example, Part, Role, Turn},
    format::{
        Format,
        fields::{label_of, text_of},
    },
    json::{Node, Object, Text},
    keys::Keys,
    rule::Fault,
};

macro_rules! pair {
    ($asked:literal $ask:ident, $answered:literal $answer:ident, $without:expr) => {
        Format {
            name: concat!($asked, "_", $answered),
            keys: Keys::$ask.and(Keys::$answer),
            without: $without,
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
            convert: |row, _| labelled(row, $asked, $answered),
        }
    };
}

/// `{"input": …, "output": …}`, as the tuning guides of old have it.
pub(super) static INPUT_OUTPUT: Format = pair!("input" INPUT, "output" OUTPUT, Keys::INSTRUCTION);

/// `{"prompt": …, "completion": …}`, as the first models for completion took it.
pub(super) static PROMPT_COMPLETION: Format =
    pair!("prompt" PROMPT, "completion" COMPLETION, Keys::NONE);

/// `{"question": …, "answer": …}`, as question-answering sets have it.
pub(super) static QUESTION_ANSWER: Format = pair!("question" QUESTION, "answer" ANSWER, Keys::NONE);

/// `{"text": …, "label": …}`, as sets for classification have it.
pub(super) static TEXT_LABEL: Format = labelled!("text" TEXT, "label" LABEL, Keys::NONE);

/// `{"text": …, "category": …}`.
pub(super) static TEXT_CATEGORY: Format = labelled!("text" TEXT, "category" CATEGORY, Keys::NONE);

/// `{"input": …, "label": …}`: only where a recipe maps columns so.
pub(super) static INPUT_LABEL: Format = labelled!("input" INPUT, "label" LABEL, Keys::NONE);

/// The words of one pair with those of another.
pub(super) static INPUT_COMPLETION: Format =
    pair!("input" INPUT, "completion" COMPLETION, Keys::INSTRUCTION);
/// The words of one pair with those of another.
pub(super) static INPUT_ANSWER: Format = pair!("input" INPUT, "answer" ANSWER, Keys::INSTRUCTION);
/// The words of one pair with those of another.
pub(super) static INPUT_RESPONSE: Format =
    pair!("input" INPUT, "response" RESPONSE, Keys::INSTRUCTION);
/// The words of one pair with those of another.
pub(super) static PROMPT_OUTPUT: Format = pair!("prompt" PROMPT, "output" OUTPUT, Keys::NONE);
/// The words of one pair with those of another.
pub(super) static PROMPT_ANSWER: Format = pair!("prompt" PROMPT, "answer" ANSWER, Keys::NONE);
/// The words of one pair with those of another.
pub(super) static PROMPT_RESPONSE: Format = pair!("prompt" PROMPT, "response" RESPONSE, Keys::NONE);
/// The words of one pair with those of another.
pub(super) static QUESTION_OUTPUT: Format = pair!("question" QUESTION, "output" OUTPUT, Keys::NONE);
/// The words of one pair with those of another.
pub(super) static QUESTION_COMPLETION: Format =
    pair!("question" QUESTION, "completion" COMPLETION, Keys::NONE);
/// The words of one pair with those of another.
pub(super) static QUESTION_RESPONSE: Format =
    pair!("question" QUESTION, "response" RESPONSE, Keys::NONE);

fn pair<'a>(
    row: Object<'a>,
    asked: &'static str,
    answered: &'static str,
) -> Result<Example<'a>, Fault> {
    let keys = [asked, answered, "system", "context"];
    let [question, answer, system, context] = row.take_all(keys);
    let context = text_of(context, "context")?;
    let mut example = ask(system, question, asked)?;
    if let (Some((context, _)), Some(turn)) = (context, example.turns.first_mut()) {
        put_above(context, turn);
    }
    if let Some((text, location)) = text_of(answer, answered)? {
        example.turns.push(Turn::text(Role::Model, text, location));
    }
    Ok(example)
}

/// Puts what the answer is to be found in above the question, unless either is blank.
fn put_above<'a>(mut context: Text<'a>, question: &mut Turn<'a>) {
    for part in &mut question.parts {
        if let Part::Text(asked) = part
            && !context.is_blank()
            && !asked.is_blank()
        {
            context.trim_end();
            asked.trim_start();
            *asked = Text::join(&[context.clone(), asked.clone()], "\n\n");
        }
    }
}

/// A pair whose answer may be a number or a boolean: the name of a class.
fn labelled<'a>(
    row: Object<'a>,
    asked: &'static str,
    answered: &'static str,
) -> Result<Example<'a>, Fault> {
    let [question, answer, system] = row.take_all([asked, answered, "system"]);
    let mut example = ask(system, question, asked)?;
    if let Some((text, location)) = label_of(answer, answered)? {
        example.turns.push(Turn::text(Role::Model, text, location));
    }
    Ok(example)
}

/// An example in which a `question` is asked, which the row has under `key`, and nothing answered.
fn ask<'a>(
    system: Option<Node<'a>>,
    question: Option<Node<'a>>,
    key: &'static str,
) -> Result<Example<'a>, Fault> {
    let system = text_of(system, "system")?.map(|(text, _)| text);
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
    fn any_word_for_a_question_goes_with_any_for_an_answer() {
        for asked in ["input", "prompt", "question"] {
            for answered in ["output", "completion", "answer", "response"] {
                check(&format!(r#"{{"{asked}":"a","{answered}":"b"}}"#), AB);
            }
        }
    }

    #[test]
    fn what_the_answer_is_found_in_stands_above_the_question() {
        let row = |context: &str| format!(r#"{{"question":"a","context":{context},"answer":"b"}}"#);
        let both = AB.replace(r#""a""#, r#""Of a.\n\na""#);
        check(&row(r#""Of a. ""#), &both);
        for none in ["null", r#"" ""#] {
            check(&row(none), AB);
        }
        check(
            &row("[]"),
            "wrong_type: expected a text, found a list $.context",
        );
    }

    #[test]
    fn a_label_is_what_is_answered() {
        check(r#"{"text":"a","label":"b"}"#, AB);
        check(r#"{"category":"b","text":"a"}"#, AB);
        let class = AB.replace(r#""b""#, r#""1""#);
        check(r#"{"text":"a","label":1}"#, &class);
        let class = AB.replace(r#""b""#, r#""true""#);
        check(r#"{"text":"a","label":true}"#, &class);
        check(
            r#"{"text":"a","label":["b"]}"#,
            "wrong_type: expected a text, a number or a boolean, found a list $.label",
        );
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
