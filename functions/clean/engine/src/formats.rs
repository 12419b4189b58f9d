//! The formats rows are written in, and how each becomes an [`Example`].
//!
//! A format is a value in its own file, with its tests beside it, listed in [`FORMATS`]. Every row
//! is examined on its own: a file may mix formats.

pub(crate) mod alpaca;
mod attachments;
mod chat;
pub(crate) mod columns;
mod content;
pub(crate) mod contents;
pub(crate) mod dialogue;
pub(crate) mod directives;
pub(crate) mod messages;
pub(crate) mod pairs;
pub(crate) mod preference;
mod roles;
pub(crate) mod sharegpt;
pub(crate) mod tools;

use self::{attachments::Attachments, directives::DeclaredSplit};
use crate::{
    example::Example,
    format::Format,
    gemini,
    json::{Node, Object, Value},
    key_names::name_keys,
    keys::Keys,
    rule::Fault,
    rules,
    schema::{self, Meaning},
};

/// How rows are read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReadOptions {
    /// Whether unknown keys are reported.
    pub(crate) unknown_keys: bool,
    /// Whether whitespace around turns is kept.
    pub(crate) untrimmed: bool,
    /// The least score of a row that is to be trained on.
    pub(crate) score_min: Option<f64>,
    /// Whether what an export left where there was nothing stays.
    pub(crate) keep_leftovers: bool,
}

/// A row that was read.
#[derive(Debug)]
pub(crate) struct ReadRow<'a> {
    /// Its format.
    pub(crate) format: &'static Format,
    /// What it says.
    pub(crate) example: Example<'a>,
    /// The split that it names.
    pub(crate) split: Option<DeclaredSplit>,
}

/// What the columns of a row say about how it is read, whatever their values are.
///
/// Most rows of a file have the same columns, so this is found out once for all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownShape {
    format: &'static Format,
    /// Whether a column may hold what an export left.
    has_leftovers: bool,
    /// Whether there are messages, whose keys are looked at in each row.
    has_messages: bool,
}

impl KnownShape {
    /// What the columns of `row` say, where its format has all that carry meaning, under their own
    /// names, and none of them is `null`.
    pub(crate) fn of(row: &Object<'_>, options: ReadOptions) -> Option<Self> {
        let keys = Keys::of(row);
        let mut formats = taking(keys);
        let (Some(format), None) = (formats.next(), formats.next()) else {
            return None;
        };
        let is_plain = |key: &str| {
            schema::column(key).is_none_or(|column| match column.meaning {
                Meaning::Content => column.name == key,
                Meaning::Background | Meaning::Files => false,
                Meaning::Directive => {
                    let is_word = |node: &Node<'_>| matches!(node.value, Value::Text(_));
                    column.name == directives::SCORE
                        && options.score_min.is_none()
                        && !row.get(key).is_some_and(is_word)
                }
                Meaning::Unread => true,
            })
        };
        let lists = Keys::MESSAGES | Keys::CONVERSATIONS | Keys::CONTENTS;
        let has_messages = format.keys.has_any(lists);
        let is_null = |(_, node): &(_, Node<'_>)| matches!(node.value, Value::Null);
        let is_known = keys == format.keys
            && row.keys().all(is_plain)
            && !row.members.iter().any(is_null)
            && (has_messages || rules::unknown_key::check(row, format.keys).is_none());
        is_known.then(|| Self {
            format,
            has_leftovers: LEFTOVER_KEYS.iter().any(|key| row.has(key)),
            has_messages,
        })
    }

    /// Converts `row`, which has these columns.
    ///
    /// # Errors
    /// What the format reports.
    pub(crate) fn read<'a>(
        self,
        mut row: Object<'a>,
        faults: &mut Vec<Fault>,
        options: ReadOptions,
    ) -> Result<ReadRow<'a>, Fault> {
        let Self { format, .. } = self;
        if options.unknown_keys && self.has_messages {
            faults.extend(rules::unknown_key::check(&row, format.keys));
        }
        if self.has_leftovers && !options.keep_leftovers {
            drop_leftovers(&mut row, format, faults);
        }
        let mut example = (format.convert)(row, faults)?;
        trim(&mut example, faults, options);
        Ok(ReadRow {
            format,
            example,
            split: None,
        })
    }
}

/// Every format that is recognised by a row's keys. If several match a row and read the same
/// content from it, the first is used.
pub(crate) static FORMATS: &[&Format] = &[
    &contents::FORMAT,
    &messages::FORMAT,
    &sharegpt::FORMAT,
    &alpaca::INSTRUCTION_OUTPUT,
    &pairs::INPUT_OUTPUT,
    &pairs::PROMPT_COMPLETION,
    &pairs::QUESTION_ANSWER,
    &pairs::TEXT_LABEL,
    &pairs::TEXT_CATEGORY,
    &alpaca::INSTRUCTION_RESPONSE,
    &alpaca::INSTRUCTION_COMPLETION,
    &alpaca::INSTRUCTION_ANSWER,
    &pairs::INPUT_COMPLETION,
    &pairs::INPUT_ANSWER,
    &pairs::INPUT_RESPONSE,
    &pairs::PROMPT_OUTPUT,
    &pairs::PROMPT_ANSWER,
    &pairs::PROMPT_RESPONSE,
    &pairs::QUESTION_OUTPUT,
    &pairs::QUESTION_COMPLETION,
    &pairs::QUESTION_RESPONSE,
];

/// The name of the format that the keys of `row` match: the first of several.
///
/// # Errors
/// `unknown_format`, with the keys that the row has.
pub(crate) fn detect(row: &Object<'_>) -> Result<&'static str, Fault> {
    let mut row = row.clone();
    schema::rename(&mut row);
    let keys = Keys::of(&row);
    if preference::refuse(&row, keys).is_some() {
        return Ok(preference::NAME);
    }
    let format = taking(keys).next();
    format.map_or_else(|| Err(unknown(&row, keys)), |format| Ok(format.name))
}

/// Converts `row` by the format that its keys match.
///
/// # Errors
/// `unknown_format`, `ambiguous_format`, `preference_pair`: with the keys that the row has.
/// Otherwise what the format reports.
pub(crate) fn read<'a>(
    mut row: Object<'a>,
    faults: &mut Vec<Fault>,
    options: ReadOptions,
) -> Result<ReadRow<'a>, Fault> {
    schema::rename(&mut row);
    let keys = Keys::of(&row);
    if let Some(fault) = preference::refuse(&row, keys) {
        return Err(fault);
    }
    let mut formats = taking(keys);
    let format = match (formats.next(), formats.next()) {
        (Some(format), None) => format,
        (None, _) => return Err(unknown(&row, keys)),
        (Some(_), Some(_)) => choose(&row, keys)?,
    };
    if options.unknown_keys {
        faults.extend(rules::unknown_key::check(&row, format.keys));
    }
    read_as(format, row, faults, options)
}

/// Converts `row`, which is in `format`: its conversation, what belongs to its questions, and what
/// it says of itself.
///
/// # Errors
/// What the format reports.
pub(crate) fn read_as<'a>(
    format: &'static Format,
    mut row: Object<'a>,
    faults: &mut Vec<Fault>,
    options: ReadOptions,
) -> Result<ReadRow<'a>, Fault> {
    if !options.keep_leftovers {
        drop_leftovers(&mut row, format, faults);
    }
    let split = directives::take(&mut row, format, options.score_min, faults);
    let attachments = Attachments::take(&mut row, format)?;
    let mut example = (format.convert)(row, faults)?;
    attachments.attach(&mut example)?;
    trim(&mut example, faults, options);
    Ok(ReadRow {
        format,
        example,
        split,
    })
}

fn trim(example: &mut Example<'_>, faults: &mut Vec<Fault>, options: ReadOptions) {
    if !options.untrimmed && example.trim() {
        faults.push(Fault::new(&rules::trim::RULE));
    }
}

/// Columns in which an export may have left something where there was nothing.
const LEFTOVER_KEYS: &[&str] = &["input", "context", "system"];

/// Takes what an export left out of the columns that a row in `format` need not have.
fn drop_leftovers(row: &mut Object<'_>, format: &Format, faults: &mut Vec<Fault>) {
    for key in LEFTOVER_KEYS {
        let is_optional = !format.keys.has_named(key);
        let Some(node) = row.get(key).filter(|_| is_optional) else {
            continue;
        };
        let found = node.value.text().and_then(rules::export_leftover::leftover);
        if let Some(found) = found {
            let message = format!("`{key}` is only `{found}`: it is read as empty");
            let fault = Fault::new(&rules::export_leftover::RULE).at(node.at);
            faults.push(fault.with_message(message));
            drop(row.take(key));
        }
    }
}

/// The formats that match a row with `keys`.
fn taking(keys: Keys) -> impl Iterator<Item = &'static Format> {
    let formats = FORMATS.iter().copied();
    formats.filter(move |format| format.takes(keys))
}

/// One of the several formats that `row` matches: the only one with a value under each of its keys,
/// or the first if all of those read the same content.
fn choose(row: &Object<'_>, keys: Keys) -> Result<&'static Format, Fault> {
    let filled = Keys::filled(row);
    let is_filled = taking(filled).next().is_some();
    let mut formats = taking(if is_filled { filled } else { keys }).peekable();
    let Some(first) = formats.next() else {
        return Err(unknown(row, keys));
    };
    if formats.peek().is_none() {
        return Ok(first);
    }
    let expected = reading(first, row);
    match formats.find(|other| expected.is_none() || reading(other, row) != expected) {
        None => Ok(first),
        Some(other) => Err(
            Fault::new(&rules::ambiguous_format::RULE).with_message(format!(
                "the row matches both `{}` and `{}`",
                first.name, other.name
            )),
        ),
    }
}

/// The bytes that `format` would make of `row`.
fn reading(format: &'static Format, row: &Object<'_>) -> Option<Vec<u8>> {
    let options = ReadOptions::default();
    let reading = read_as(format, row.clone(), &mut Vec::new(), options).ok()?;
    let mut bytes = Vec::new();
    gemini::write(&reading.example, gemini::Prompt::default(), &mut bytes);
    Some(bytes)
}

fn unknown(row: &Object<'_>, keys: Keys) -> Fault {
    let fault = Fault::new(&rules::unknown_format::RULE);
    if row.members.is_empty() {
        return fault.with_message("the object has no keys");
    }
    let mut message = format!("the row has the keys {}", name_keys(row.keys()));
    let mut nearest: Option<(u32, &Format)> = None;
    for format in FORMATS {
        let present = keys.count(format.keys);
        if present > nearest.map_or(0, |(most, _)| most) {
            nearest = Some((present, format));
        }
    }
    if let Some((_, nearest)) = nearest {
        let lacking = name_keys(nearest.keys.names_beyond(keys));
        message.extend(["; for `", nearest.name, "` it lacks ", &lacking]);
    }
    fault.with_message(message)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::json::{Value, parse};

    /// The converted row, or the code and message of the fault; repairs are listed after it.
    pub(crate) fn convert(row: &str) -> String {
        let Value::Object(object) = parse(row).unwrap().node.value else {
            panic!("{row} is not an object");
        };
        let mut repairs = Vec::new();
        let example = match read(object, &mut repairs, ReadOptions::default()) {
            Ok(reading) => reading.example,
            Err(fault) => {
                let path = fault.path.unwrap_or_default();
                return format!("{}: {} {path}", fault.rule.code, fault.message)
                    .trim()
                    .to_owned();
            }
        };
        let mut out = Vec::new();
        gemini::write(&example, gemini::Prompt::default(), &mut out);
        let mut shown = String::from_utf8(out).unwrap();
        for repair in repairs {
            shown.push(' ');
            shown.push_str(repair.rule.code);
        }
        shown
    }

    #[track_caller]
    pub(crate) fn check(row: &str, expected: &str) {
        assert_eq!(convert(row), expected, "{row}");
    }

    #[test]
    fn an_unknown_row_is_reported_with_its_keys_and_what_it_lacks() {
        check("{}", "unknown_format: the object has no keys");
        check(
            r#"{"text":"a"}"#,
            "unknown_format: the row has the keys `text`; for `text_label` it lacks `label`",
        );
        check(
            r#"{"question":"a","ground_truth":"b","c":1,"d":2}"#,
            "unknown_format: the row has the keys `question`, `ground_truth`, `c` and 1 more; \
             for `question_answer` it lacks `answer`",
        );
    }

    #[test]
    fn a_row_that_matches_two_formats_is_rejected() {
        check(
            r#"{"input":"a","output":"b","prompt":"c","completion":"d"}"#,
            "ambiguous_format: the row matches both `input_output` and `prompt_completion`",
        );
        check(
            r#"{"messages":[],"input":"a","output":"b"}"#,
            "ambiguous_format: the row matches both `messages` and `input_output`",
        );
        check(
            r#"{"input":"a","output":"b","response":"c"}"#,
            "ambiguous_format: the row matches both `input_output` and `input_response`",
        );
        check(
            r#"{"instruction":"a","input":"b","output":"c","answer":"d"}"#,
            "ambiguous_format: the row matches both `alpaca` and `instruction_answer`",
        );
        check(
            r#"{"messages":7,"conversations":7}"#,
            "ambiguous_format: the row matches both `messages` and `sharegpt`",
        );
    }

    #[test]
    fn empty_values_under_the_keys_of_another_format_do_not_count() {
        let plain = convert(r#"{"input":"a","output":"b"}"#);
        for row in [
            r#"{"input":"a","output":"b","prompt":"","completion":""}"#,
            r#"{"input":"","output":" ","prompt":"a","completion":"b"}"#,
            r#"{"input":"a","output":"b","response":""}"#,
            r#"{"instruction":"","response":"","input":"a","output":"b"}"#,
            r#"{"instruction":"","prompt":"a","output":"b"}"#,
            r#"{"input":"a","output":"b","chosen":"","rejected":""}"#,
            r#"{"input":"a","output":"b","prompt":"a","completion":"b","response":""}"#,
        ] {
            check(row, &plain);
        }
        check(
            r#"{"input":"a","output":"b","prompt":"c","response":"d","completion":""}"#,
            "ambiguous_format: the row matches both `input_output` and `input_response`",
        );
    }

    #[test]
    fn two_formats_that_read_the_same_are_not_ambiguous() {
        let plain = convert(r#"{"input":"a","output":"b"}"#);
        for row in [
            r#"{"input":"a","output":"b","prompt":"a","completion":"b"}"#,
            r#"{"input":"a","output":"b","response":"b"}"#,
            r#"{"input":"a","output":"b","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#,
            // A table with rows of several kinds.
            r#"{"input":"a","output":"b","messages":null,"prompt":null,"completion":null}"#,
        ] {
            check(row, &plain);
        }
        // Whitespace around texts does not count, and is reported as usual.
        check(r#"{"input":"a","output":"b","response":" b"}"#, &plain);
        check(
            r#"{"input":"a","output":" b","response":"b"}"#,
            &format!("{plain} trim"),
        );
    }
}
