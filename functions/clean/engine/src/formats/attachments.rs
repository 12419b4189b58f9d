//! What a row carries beside its conversation and that belongs to it: background, choices, files.

use smallvec::SmallVec;

use super::content::address;
use crate::{
    example::{Example, Part, Parts, Role, Turn},
    format::{Format, fields::wrong_type},
    json::{Node, Object, Text, Value},
    keys::Keys,
    location::Location,
    media,
    rule::Fault,
    rules,
};

/// Columns of files, and the marker that stands in a text where a file belongs.
const FILES: &[(&str, &str)] = &[
    ("images", "<image>"),
    ("videos", "<video>"),
    ("audios", "<audio>"),
    ("attachments", "<file>"),
];

/// Members of a document that hold its text.
const DOCUMENT_TEXTS: &[&str] = &["text", "content", "contents", "snippet", "passage", "body"];

/// What belongs to the questions of a row.
#[derive(Default)]
pub(super) struct Attachments<'a> {
    background: Option<Text<'a>>,
    choices: Option<(Object<'a>, Location)>,
    files: Vec<(&'static str, &'static str, Vec<Part<'static>>, Location)>,
}

impl<'a> Attachments<'a> {
    /// Takes what belongs to the questions out of `row`, which is in `format`.
    ///
    /// # Errors
    /// `wrong_type` for a value that cannot be read; `unsupported_content` for a file that the
    /// service cannot fetch.
    pub(super) fn take(row: &mut Object<'a>, format: &Format) -> Result<Self, Fault> {
        let mut taken = Self::default();
        let is_usual = |key: &str| format.keys.has_named(key) || key == "system";
        if row.keys().all(is_usual) {
            return Ok(taken);
        }
        if let Some(node) = row.take("context") {
            let at = node.at;
            taken.background = background(node)?;
            if is_input(format, row)
                && let Some(text) = taken.background.take()
            {
                let value = Value::Text(text);
                row.members.push(("context".into(), Node { at, value }));
            }
        }
        if let Some(node) = row.take("choices") {
            taken.choices = choices(node)?;
        }
        for (key, marker) in FILES {
            if let Some(node) = row.take(key) {
                let location = Location::of(key, node.at);
                let parts = files(node.value, key, location)?;
                if !parts.is_empty() {
                    taken.files.push((key, marker, parts, location));
                }
            }
        }
        Ok(taken)
    }

    /// Puts everything where it belongs in `example`.
    ///
    /// # Errors
    /// `unsupported_content` where files and the markers in the texts do not match.
    pub(super) fn attach(self, example: &mut Example<'a>) -> Result<(), Fault> {
        if let Some(text) = self.background {
            put_above(text, example);
        }
        if let Some((choices, location)) = self.choices {
            put_choices(choices, location, example)?;
        }
        for (key, marker, parts, location) in self.files {
            put_files(key, marker, parts, location, example)?;
        }
        Ok(())
    }
}

/// Whether the background of a row takes the place of the input of its instruction.
fn is_input(format: &Format, row: &Object<'_>) -> bool {
    let filled = |node: &Node<'_>| {
        !matches!(&node.value, Value::Null)
            && !matches!(&node.value, Value::Text(text) if text.is_blank())
    };
    format.keys.has(Keys::INSTRUCTION) && !row.get("input").is_some_and(filled)
}

/// The text of a context: a string, or an array of strings or documents.
fn background(node: Node<'_>) -> Result<Option<Text<'_>>, Fault> {
    let location = Location::of("context", node.at);
    let text = match node.value {
        Value::Null => return Ok(None),
        Value::Text(text) => text,
        Value::List(nodes) => {
            let mut texts = Vec::with_capacity(nodes.len());
            for Node { value, .. } in nodes {
                texts.push(document(value).map_err(|value| wrong_type(&value, "texts", location))?);
            }
            Text::join(&texts, "\n\n")
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            document(other).map_err(|value| wrong_type(&value, "a string", location))?
        }
    };
    Ok((!text.is_blank()).then_some(text))
}

/// The text of a document, with its title above it.
fn document(value: Value<'_>) -> Result<Text<'_>, Value<'_>> {
    let mut object = match value {
        Value::Text(text) => return Ok(text),
        Value::Object(object) => object,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_)) => {
            return Err(other);
        }
    };
    let text = |node: Option<Node<'_>>| match node.map(|node| node.value) {
        Some(Value::Text(text)) if !text.is_blank() => Some(text.into_owned()),
        Some(
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Object(_),
        )
        | None => None,
    };
    let title = text(object.take("title"));
    match (title, text(object.take_any(DOCUMENT_TEXTS))) {
        (Some(title), Some(body)) => Ok(Text::join(&[title, body], "\n")),
        (None, Some(body)) => Ok(body),
        (_, None) => Err(Value::Object(object)),
    }
}

/// Puts `text` above the first question, with an empty line in between. FLAN's templates for
/// reading comprehension do the same, and Google recommends putting the question last when the
/// context is long.
fn put_above<'a>(mut text: Text<'a>, example: &mut Example<'a>) {
    let users = example
        .turns
        .iter_mut()
        .filter(|turn| turn.role == Role::User);
    let asked = users
        .flat_map(|turn| &mut turn.parts)
        .find_map(|part| match part {
            Part::Text(asked) if !asked.is_blank() => Some(asked),
            Part::Text(_) | Part::Other(..) => None,
        });
    if let Some(asked) = asked {
        text.trim_end();
        asked.trim_start();
        *asked = Text::join(&[text, std::mem::take(asked)], "\n\n");
    }
}

/// The choices of a question, by their labels; empty labels where the row has none.
fn choices(node: Node<'_>) -> Result<Option<(Object<'_>, Location)>, Fault> {
    let location = Location::of("choices", node.at);
    let wrong = |value: &Value<'_>| wrong_type(value, "an array of choices", location);
    let object = match node.value {
        Value::Null => return Ok(None),
        Value::Text(text) if text.is_blank() => return Ok(None),
        Value::Text(text) => match super::tools::unquoted(Value::Text(text), node.at) {
            Value::List(nodes) => unlabelled(nodes),
            // Choices in one text, already as they are to be shown.
            value @ Value::Text(_) => Object {
                members: vec![("".into(), Node { at: node.at, value })],
            },
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                return Err(wrong(&other));
            }
        },
        Value::List(nodes) => unlabelled(nodes),
        // `{"text": […], "label": […]}`
        Value::Object(mut object) if object.has("text") => {
            let texts = object.take("text").map(|node| node.value);
            let labels = object.take_any(&["label", "labels"]).map(|node| node.value);
            let (Some(Value::List(texts)), Some(Value::List(labels))) = (texts, labels) else {
                return Err(wrong(&Value::Object(object)));
            };
            let pairs = labels.into_iter().zip(texts);
            let members = pairs.map(|(label, text)| {
                let label = label.value.text().map(|label| label.plain().into_owned());
                (label.unwrap_or_default().into(), text)
            });
            Object {
                members: members.collect(),
            }
        }
        // `{"A": …, "B": …}`
        Value::Object(object) => object,
        other @ (Value::Bool(_) | Value::Number(_)) => return Err(wrong(&other)),
    };
    Ok((!object.members.is_empty()).then_some((object, location)))
}

/// Choices without labels.
fn unlabelled(nodes: Vec<Node<'_>>) -> Object<'_> {
    let members = nodes.into_iter().map(|node| ("".into(), node));
    Object {
        members: members.collect(),
    }
}

/// Puts the choices below the last question, each with its label: numbers from 0 if the answer is a
/// number, which then is an index; letters otherwise.
fn put_choices<'a>(
    choices: Object<'a>,
    location: Location,
    example: &mut Example<'a>,
) -> Result<(), Fault> {
    let is_number = |turn: &Turn<'_>| {
        let mut texts = turn.texts();
        texts
            .next()
            .is_some_and(|text| text.escaped().parse::<u32>().is_ok())
    };
    let by_number = example.turns.last().is_some_and(is_number);
    let several = choices.members.len() > 1;
    let mut lines = Vec::with_capacity(choices.members.len());
    for (index, (label, node)) in choices.members.into_iter().enumerate() {
        let text = match node.value {
            Value::Text(text) => text,
            Value::Number(_) | Value::Bool(_) => {
                let mut written = Vec::new();
                crate::json::write(&node.value, &mut written);
                Text::of(&String::from_utf8_lossy(&written))
            }
            other @ (Value::Null | Value::List(_) | Value::Object(_)) => {
                return Err(wrong_type(&other, "a choice as a string", location));
            }
        };
        let label = match (label.as_ref(), u32::try_from(index)) {
            ("", _) if !several => String::new(),
            ("", Ok(index)) if !by_number && index < 26 => char::from_u32(u32::from('A') + index)
                .map(String::from)
                .unwrap_or_default(),
            ("", _) => index.to_string(),
            (label, _) => label.to_owned(),
        };
        lines.push(if label.is_empty() {
            text
        } else {
            Text::join(&[Text::of(&label), text], ". ")
        });
    }
    let below = Text::join(&lines, "\n");
    // The last turn of the user may hold nothing but the answers of functions.
    let users = example
        .turns
        .iter_mut()
        .rev()
        .filter(|turn| turn.role == Role::User);
    let mut parts = users.flat_map(|turn| turn.parts.iter_mut().rev());
    let asked = parts.find_map(|part| match part {
        Part::Text(asked) => Some(asked),
        Part::Other(..) => None,
    });
    if let Some(asked) = asked {
        asked.trim_end();
        *asked = Text::join(&[std::mem::take(asked), below], "\n\n");
    }
    Ok(())
}

/// The parts of the files in a column.
fn files(value: Value<'_>, key: &str, location: Location) -> Result<Vec<Part<'static>>, Fault> {
    let nodes = match super::tools::unquoted(value, location.at) {
        Value::Null => return Ok(Vec::new()),
        Value::Text(text) if text.is_blank() => return Ok(Vec::new()),
        Value::List(nodes) => nodes,
        one @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_)) => {
            vec![Node::unplaced(one)]
        }
    };
    let part = |node: Node<'_>| {
        let uri = match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Object(object) => address(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
        };
        let part = uri.and_then(|uri| media::file_part(&uri, None));
        part.ok_or_else(|| {
            missing(location).with_message(format!(
                "the row is about a file in `{key}` that is not there: expected `gs://` or `https://` \
                 addresses with a known ending"
            ))
        })
    };
    let is_given = |node: &Node<'_>| node.value != Value::Null;
    nodes.into_iter().filter(is_given).map(part).collect()
}

/// Puts files where their markers are; above the first question where there is no marker.
fn put_files<'a>(
    key: &str,
    marker: &str,
    files: Vec<Part<'static>>,
    location: Location,
    example: &mut Example<'a>,
) -> Result<(), Fault> {
    let is_user = |turn: &&mut Turn<'a>| turn.role == Role::User;
    let occurrences = |turn: &Turn<'_>| {
        let counts = turn
            .texts()
            .map(|text| text.escaped().matches(marker).count());
        counts.sum::<usize>()
    };
    let markers: usize = example.turns.iter().map(occurrences).sum();
    if markers != 0 && markers != files.len() {
        return Err(missing(location).with_message(format!(
            "the row has {} files in `{key}`, and `{marker}` {markers} times in its texts",
            files.len()
        )));
    }
    let mut files = files.into_iter();
    let mut turns = example.turns.iter_mut().filter(is_user);
    if markers == 0 {
        if let Some(turn) = turns.next() {
            turn.parts = files.chain(std::mem::take(&mut turn.parts)).collect();
        }
        return Ok(());
    }
    for turn in turns {
        let mut parts: Parts<'a> = SmallVec::new();
        for part in std::mem::take(&mut turn.parts) {
            let Part::Text(text) = part else {
                parts.push(part);
                continue;
            };
            let plain = text.plain();
            let mut pieces = plain.split(marker);
            parts.extend(
                pieces
                    .next()
                    .filter(|text| !text.trim().is_empty())
                    .map(|text| Part::Text(Text::of(text))),
            );
            for piece in pieces {
                parts.extend(files.next());
                let piece = piece.trim_start_matches('\n');
                if !piece.trim().is_empty() {
                    parts.push(Part::Text(Text::of(piece)));
                }
            }
        }
        turn.parts = parts;
    }
    Ok(())
}

fn missing(location: Location) -> Fault {
    Fault::new(&rules::unsupported_content::RULE)
        .at(location.at)
        .path(location)
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::{check, convert};

    const CHAT: &str =
        r#""messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#;

    #[test]
    fn background_is_put_above_the_first_question() {
        let expected = convert(r#"{"input":"c\n\na","output":"b"}"#);
        for key in ["context", "Passage", "documents"] {
            check(&format!(r#"{{{CHAT},"{key}":"c "}}"#), &expected);
            check(
                &format!(r#"{{"question":"a","{key}":["c"],"answer":"b"}}"#),
                &expected,
            );
            check(
                &format!(r#"{{"question":"a","{key}":[{{"text":"c"}}],"answer":"b"}}"#),
                &expected,
            );
        }
        let titled = convert(r#"{"input":"t\nc\n\nd\n\na","output":"b"}"#);
        check(
            &format!(r#"{{{CHAT},"documents":[{{"title":"t","snippet":"c"}},"d"]}}"#),
            &titled,
        );
        let plain = convert(&format!("{{{CHAT}}}"));
        for none in ["null", "[]", r#"" ""#] {
            check(&format!(r#"{{{CHAT},"context":{none}}}"#), &plain);
        }
        check(
            &format!(r#"{{{CHAT},"context":7}}"#),
            "wrong_type: expected a string, found a number $.context",
        );
    }

    #[test]
    fn choices_are_put_below_the_question() {
        let expected = convert(r#"{"input":"a\n\nA. x\nB. y","output":"B"}"#);
        for choices in [
            r#"["x","y"]"#,
            r#""[\"x\",\"y\"]""#,
            r#"{"text":["x","y"],"label":["A","B"]}"#,
            r#"{"A":"x","B":"y"}"#,
        ] {
            check(
                &format!(r#"{{"question":"a","choices":{choices},"answer":"B"}}"#),
                &expected,
            );
            check(
                &format!(r#"{{"question":"a","Options":{choices},"answer":"B"}}"#),
                &expected,
            );
        }
        check(
            r#"{"question":"a","choices":["x","y"],"answer":1}"#,
            &convert(r#"{"input":"a\n\n0. x\n1. y","output":"1"}"#),
        );
        check(
            r#"{"question":"a","choices":7,"answer":"b"}"#,
            "wrong_type: expected an array of choices, found a number $.choices",
        );
    }

    #[test]
    fn files_stand_at_their_markers() {
        let row = |asked: &str, files: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"{asked}"}},{{"role":"assistant","content":"b"}}],"images":{files}}}"#
            )
        };
        let file = r#"{"fileData":{"mimeType":"image/png","fileUri":"gs://b/o.png"}}"#;
        let expected = format!(
            r#"{{"contents":[{{"role":"user","parts":[{file},{{"text":"a"}}]}},{{"role":"model","parts":[{{"text":"b"}}]}}]}}"#
        );
        check(&row("<image>a", r#"["gs://b/o.png"]"#), &expected);
        check(&row("<image>\\na", r#"["gs://b/o.png"]"#), &expected);
        check(&row("a", r#""gs://b/o.png""#), &expected);
        check(&row("a", r#"[{"url":"gs://b/o.png"}]"#), &expected);
        for absent in [
            r#"["a.jpg"]"#,
            r#"[{"bytes":null,"path":"a.jpg"}]"#,
            r#""data:image/png;base64,AA==""#,
        ] {
            let found = convert(&row("<image>a", absent));
            assert!(
                found.starts_with("unsupported_content: the row is about a file in `images`"),
                "{found}"
            );
        }
        let found = convert(&row("<image>a<image>", r#"["gs://b/o.png"]"#));
        assert!(
            found.contains("1 files in `images`, and `<image>` 2 times"),
            "{found}"
        );
    }
}
