//! Alpaca rows: `instruction`, optionally `input`, and `output`; also `system` and `history`, as in
//! LLaMA-Factory.

use crate::{
    example::{Example, Role, Turn},
    format::{
        Format,
        fields::{answer_of, take_system, take_text, wrong_type},
    },
    json::{Node, Object, Text, Value},
    keys::Keys,
    location::Location,
    rule::Fault,
};

/// Columns that are read besides the instruction and its answer.
const READS: &[&str] = &["system", "history", "input", "context"];

/// The format.
pub(super) static INSTRUCTION_OUTPUT: Format = Format {
    name: "alpaca",
    keys: Keys::INSTRUCTION.and(Keys::OUTPUT),
    without: Keys::NONE,
    reads: READS,
    convert: |row, _| convert(row, "output"),
};

/// With another key for the answer, and `context` for the input, as in Dolly.
pub(super) static INSTRUCTION_RESPONSE: Format = Format {
    name: "instruction_response",
    keys: Keys::INSTRUCTION.and(Keys::RESPONSE),
    without: Keys::NONE,
    reads: READS,
    convert: |row, _| convert(row, "response"),
};

/// With another key for the answer.
pub(super) static INSTRUCTION_COMPLETION: Format = Format {
    name: "instruction_completion",
    keys: Keys::INSTRUCTION.and(Keys::COMPLETION),
    without: Keys::NONE,
    reads: READS,
    convert: |row, _| convert(row, "completion"),
};

/// With another key for the answer.
pub(super) static INSTRUCTION_ANSWER: Format = Format {
    name: "instruction_answer",
    keys: Keys::INSTRUCTION.and(Keys::ANSWER),
    without: Keys::NONE,
    reads: READS,
    convert: |row, _| convert(row, "answer"),
};

fn convert<'a>(mut row: Object<'a>, answered: &'static str) -> Result<Example<'a>, Fault> {
    let mut example = Example {
        system: take_system(&mut row)?.map(|(text, _)| text),
        ..Example::default()
    };
    if let Some(history) = row.take("history") {
        add_history(history, &mut example)?;
    }
    let input = match take_text(&mut row, "input")? {
        None => take_text(&mut row, "context")?,
        input => input,
    };
    if let Some((instruction, location)) = take_text(&mut row, "instruction")? {
        let asked = match input {
            Some((input, _)) if instruction.is_blank() => input,
            Some((mut input, _)) if !input.is_blank() => {
                let mut instruction = instruction;
                instruction.trim_end();
                input.trim_start();
                Text::join(&[instruction, input], "\n\n")
            }
            Some(_) | None => instruction,
        };
        example.turns.push(Turn::text(Role::User, asked, location));
    }
    if let Some((output, location)) = answer_of(row.take(answered), answered)? {
        example
            .turns
            .push(Turn::text(Role::Model, output, location));
    }
    Ok(example)
}

/// Earlier turns: an array of `[question, answer]` pairs.
fn add_history<'a>(history: Node<'a>, example: &mut Example<'a>) -> Result<(), Fault> {
    let mut location = Location::of("history", history.at);
    let rounds = match history.value {
        Value::Null => return Ok(()),
        Value::List(rounds) => rounds,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_)) => {
            return Err(wrong_type(&other, "an array of pairs", location));
        }
    };
    for (index, round) in rounds.into_iter().enumerate() {
        location.index = Some(index);
        location.at = round.at;
        let kind = round.value.kind();
        let pair = match round.value {
            Value::List(pair) => <[Node<'a>; 2]>::try_from(pair).ok(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_) => {
                None
            }
        };
        let Some([asked, answered]) = pair else {
            let fault = Fault::new(&crate::rules::wrong_type::RULE)
                .at(location.at)
                .path(location);
            return Err(fault.with_message(format!("expected a pair of strings, found {kind}")));
        };
        for (node, role) in [(asked, Role::User), (answered, Role::Model)] {
            location.at = node.at;
            let Value::Text(text) = node.value else {
                return Err(wrong_type(&node.value, "a string", location));
            };
            example.turns.push(Turn::text(role, text, location));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::{check, convert};

    #[test]
    fn instruction_and_input_become_one_question() {
        let together = convert(r#"{"input":"a\n\nb","output":"c"}"#);
        check(r#"{"instruction":"a","input":"b","output":"c"}"#, &together);
        let alone = convert(r#"{"input":"a","output":"c"}"#);
        check(r#"{"instruction":"a","output":"c"}"#, &alone);
        check(r#"{"instruction":"a","input":"","output":"c"}"#, &alone);
        check(r#"{"instruction":"a","input":null,"output":"c"}"#, &alone);
        check(r#"{"instruction":" ","input":"a","output":"c"}"#, &alone);
    }

    #[test]
    fn the_answer_has_several_keys() {
        let expected = convert(r#"{"instruction":"a","input":"b","output":"c"}"#);
        for answered in ["response", "completion", "answer"] {
            check(
                &format!(r#"{{"instruction":"a","context":"b","{answered}":"c","category":"x"}}"#),
                &expected,
            );
        }
    }

    #[test]
    fn history_comes_first() {
        check(
            r#"{"instruction":"c","output":"d","system":"s","history":[["a","b"]]}"#,
            &convert(
                r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}"#,
            ),
        );
        check(
            r#"{"instruction":"c","output":"d","history":[["a"]]}"#,
            "wrong_type: expected a pair of strings, found an array $.history[0]",
        );
    }
}
