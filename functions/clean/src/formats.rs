//! The formats rows are written in, and how each becomes an [`Example`].
//!
//! A format is a value in its own file, with its tests beside it, listed in [`FORMATS`]. Every row
//! is looked at on its own: a file may mix formats.

pub(crate) mod alpaca;
pub(crate) mod contents;
pub(crate) mod dialogue;
pub(crate) mod messages;
pub(crate) mod pairs;
pub(crate) mod sharegpt;
pub(crate) mod tools;

use crate::{
    example::{Example, Place},
    finding::{Fault, name_keys},
    json::{Node, Object, Text, Value},
    rules,
};

/// A way to write a row.
pub(crate) struct Format {
    /// The name in reports; never changes once published.
    pub(crate) name: &'static str,
    /// The keys a row must have.
    pub(crate) keys: &'static [&'static str],
    /// A key a row must not have, since then it is another format.
    pub(crate) without: Option<&'static str>,
    /// Takes the row over.
    pub(crate) convert: Convert,
}

/// Takes a row over; what was repaired on the way goes to the second argument.
pub(crate) type Convert = for<'a> fn(Object<'a>, &mut Vec<Fault>) -> Result<Example<'a>, Fault>;

/// Every format. At most one takes a row: a row that two would take is ambiguous.
pub(crate) static FORMATS: &[&Format] = &[
    &contents::FORMAT,
    &messages::FORMAT,
    &sharegpt::FORMAT,
    &alpaca::FORMAT,
    &pairs::INPUT_OUTPUT,
    &pairs::PROMPT_COMPLETION,
    &pairs::QUESTION_ANSWER,
];

impl Format {
    fn takes(&self, row: &Object<'_>) -> bool {
        self.keys.iter().all(|key| row.has(key)) && !self.without.is_some_and(|key| row.has(key))
    }
}

/// The format of `row`.
///
/// # Errors
/// `unknown_format`, `ambiguous_format`: with the keys the row has.
pub(crate) fn detect(row: &Object<'_>) -> Result<&'static Format, Fault> {
    let mut taking = FORMATS.iter().filter(|format| format.takes(row));
    match (taking.next(), taking.next()) {
        (Some(format), None) => Ok(format),
        (None, _) => Err(unknown(row)),
        (Some(one), Some(other)) => Err(Fault::new(&rules::ambiguous_format::RULE).saying(
            format!("reads as `{}` and as `{}` alike", one.name, other.name),
        )),
    }
}

fn unknown(row: &Object<'_>) -> Fault {
    let fault = Fault::new(&rules::unknown_format::RULE);
    if row.members.is_empty() {
        return fault.saying("the object has no keys");
    }
    let present = |format: &Format| format.keys.iter().filter(|key| row.has(key)).count();
    let mut message = format!("the row has the keys {}", name_keys(row.keys()));
    let nearest = FORMATS.iter().copied().max_by_key(|format| present(format));
    if let Some(nearest) = nearest.filter(|format| present(format) > 0) {
        let missing = nearest.keys.iter().copied().filter(|key| !row.has(key));
        let lacking = name_keys(missing);
        message.extend(["; of `", nearest.name, "` it lacks ", &lacking]);
    }
    fault.saying(message)
}

/// Takes the text called `key` out of a row; `null` reads as an empty text.
pub(crate) fn take_text<'a>(
    row: &mut Object<'a>,
    key: &'static str,
) -> Result<Option<(Text<'a>, Place)>, Fault> {
    let Some(Node { at, value }) = row.take(key) else {
        return Ok(None);
    };
    let place = Place {
        key,
        index: None,
        at,
    };
    match value {
        Value::Text(text) => Ok(Some((text, place))),
        Value::Null => Ok(Some((Text::default(), place))),
        other @ (Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_)) => {
            Err(wrong_type(&other, "a text", place))
        }
    }
}

/// `wrong_type`: `value` is not what was expected at `place`.
pub(crate) fn wrong_type(value: &Value<'_>, expected: &str, place: Place) -> Fault {
    Fault::new(&rules::wrong_type::RULE)
        .at(place.at)
        .path(place)
        .saying(format!("expected {expected}, found {}", value.kind()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{gemini, json::parse};

    /// What `row` becomes, or the code and words of what is wrong; repairs are listed after it.
    pub(crate) fn convert(row: &str) -> String {
        let Value::Object(object) = parse(row).unwrap().node.value else {
            panic!("{row} is no object");
        };
        let mut repairs = Vec::new();
        let example =
            match detect(&object).and_then(|format| (format.convert)(object, &mut repairs)) {
                Ok(example) => example,
                Err(fault) => {
                    let path = fault.path.unwrap_or_default();
                    return format!("{}: {} {path}", fault.rule.code, fault.message)
                        .trim()
                        .to_owned();
                }
            };
        let mut out = Vec::new();
        gemini::write(&example, None, &mut out);
        let mut said = String::from_utf8(out).unwrap();
        for repair in repairs {
            said.push(' ');
            said.push_str(repair.rule.code);
        }
        said
    }

    #[track_caller]
    pub(crate) fn check(row: &str, expected: &str) {
        assert_eq!(convert(row), expected, "{row}");
    }

    #[test]
    fn a_row_no_format_takes_says_what_it_has_and_lacks() {
        check("{}", "unknown_format: the object has no keys");
        check(
            r#"{"text":"a"}"#,
            "unknown_format: the row has the keys `text`",
        );
        check(
            r#"{"question":"a","ground_truth":"b","c":1,"d":2}"#,
            "unknown_format: the row has the keys `question`, `ground_truth`, `c` and 1 more; \
             of `question_answer` it lacks `answer`",
        );
    }

    #[test]
    fn a_row_two_formats_take_is_not_guessed_at() {
        check(
            r#"{"input":"a","output":"b","prompt":"c","completion":"d"}"#,
            "ambiguous_format: reads as `input_output` and as `prompt_completion` alike",
        );
        check(
            r#"{"messages":[],"input":"a","output":"b"}"#,
            "ambiguous_format: reads as `messages` and as `input_output` alike",
        );
    }
}
