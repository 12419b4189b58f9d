//! Rows of two texts, a question and an answer, under various keys.
//!
//! Any key for a question can be combined with any key for an answer. A row with two keys for the
//! same side matches two of these formats, and is ambiguous unless both texts are equal.
//!
//! A `context` that contains the answer, as in `SQuAD`, is put above the question with an empty
//! line in between. FLAN's templates for reading comprehension do the same, and Google recommends
//! putting the question last when the context is long.

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

/// Puts the context above the question, unless either is empty.
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

/// An example with the `question` that the row has under `key`, and no answer.
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
        for none in ["null", r#"" ""#] {
            check(&row(none), AB);
        }
        check(
            &row("[]"),
            "wrong_type: expected a string, found an array $.context",
        );
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
    fn questions_and_answers_must_be_strings() {
        check(
            r#"{"input":"a","output":7}"#,
            "wrong_type: expected a string, found a number $.output",
        );
        check(
            r#"{"input":["a"],"output":"b"}"#,
            "wrong_type: expected a string, found an array $.input",
        );
    }
}
