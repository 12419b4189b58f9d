//! Reads a part of a turn: a text, or one of the few other kinds that the service trains on.

use std::borrow::Cow;

use super::camel;
use crate::{
    example::Part,
    format::fields::wrong_type,
    formats::{dialogue, tools},
    json::{Node, Object, Text, Value},
    key_names::name_keys,
    location::Location,
    media::{FILE, is_known_type, is_reachable},
    rule::Fault,
    rules,
};

/// Kinds of parts other than text, in both spellings.
const KINDS: &[(&str, &[&str])] = &[
    ("functionCall", &["functionCall", "function_call"]),
    (
        "functionResponse",
        &["functionResponse", "function_response"],
    ),
    (FILE, &["fileData", "file_data"]),
    ("inlineData", &["inlineData", "inline_data"]),
];

/// Members allowed next to a file, in both spellings.
const BESIDE_FILES: &[(&str, &[&str])] = &[
    ("videoMetadata", &["videoMetadata", "video_metadata"]),
    ("mediaResolution", &["mediaResolution", "media_resolution"]),
];

/// Reads a part; `None` if it is a thought, which is not part of the answer.
///
/// # Errors
/// `wrong_type`, `invalid_arguments`; `unsupported_content` for a kind that the service does
/// not accept, or for two kinds in one part, of which it would use only one.
pub(super) fn part<'a>(
    node: Node<'a>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<Option<Part<'a>>, Fault> {
    let Value::Object(mut object) = node.value else {
        return Err(wrong_type(&node.value, "an object as part", location));
    };
    let text = match object.take("text").map(|node| node.value) {
        // The usual case.
        Some(Value::Text(text)) if object.members.is_empty() => return Ok(Some(Part::Text(text))),
        Some(Value::Text(text)) => Some(text),
        Some(Value::Null) | None => None,
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_))) => {
            return Err(wrong_type(&other, "a string as `text`", location));
        }
    };
    let thought = object.take("thought").map(|node| node.value);
    let other = take_other(&mut object, location)?;
    let part = match (text, other) {
        (Some(text), Some((kind, _))) if !text.is_blank() => {
            return Err(two_at_once("text", kind, location));
        }
        (_, Some((kind, node))) => {
            Part::Other(kind, whole(kind, node, &mut object, location, faults)?)
        }
        (Some(_), None) if thought == Some(Value::Bool(true)) => {
            let message = "a part with `thought` is left out: it is not part of the answer";
            report(message.to_owned(), location, faults);
            return Ok(None);
        }
        (Some(text), None) => Part::Text(text),
        (None, None) => return Err(unsupported(location)),
    };
    report_unknown(&object, location, faults);
    Ok(Some(part))
}

/// `unsupported_content`, in the rule's own words.
pub(super) fn unsupported(location: Location) -> Fault {
    Fault::new(&rules::unsupported_content::RULE)
        .at(location.at)
        .path(location)
}

/// Takes the content other than text out of a part.
fn take_other<'a>(
    object: &mut Object<'a>,
    location: Location,
) -> Result<Option<(&'static str, Node<'a>)>, Fault> {
    let mut found: Option<(&'static str, Node<'_>)> = None;
    for (kind, spellings) in KINDS {
        let node = object.take_any(spellings);
        let Some(node) = node.filter(|node| node.value != Value::Null) else {
            continue;
        };
        if let Some((first, _)) = found {
            return Err(two_at_once(first, kind, location));
        }
        found = Some((kind, node));
    }
    Ok(found)
}

fn two_at_once(one: &str, other: &str, location: Location) -> Fault {
    unsupported(location).with_message(format!(
        "a part has both `{one}` and `{other}`: write two parts"
    ))
}

/// A part of this `kind` as it is written, with the allowed members of `beside`.
fn whole<'a>(
    kind: &'static str,
    node: Node<'a>,
    beside: &mut Object<'a>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<Object<'a>, Fault> {
    let Node { at, value } = camel(node, 1);
    let Value::Object(mut inner) = value else {
        return Err(wrong_type(
            &value,
            &format!("an object as `{kind}`"),
            location,
        ));
    };
    match kind {
        "functionCall" => repair_arguments(&mut inner, location, faults)?,
        "functionResponse" => repair_response(&mut inner),
        FILE => check_file(&inner, location)?,
        _ => {
            let message =
                format!("`{kind}` is not supported: use `{FILE}` with a file in Cloud Storage");
            return Err(unsupported(location).with_message(message));
        }
    }
    let value = Value::Object(inner);
    let mut members = vec![(Cow::Borrowed(kind), Node { at, value })];
    if kind == FILE {
        for (key, spellings) in BESIDE_FILES {
            let node = beside.take_any(spellings);
            let node = node.filter(|node| node.value != Value::Null);
            members.extend(node.map(|node| (Cow::Borrowed(*key), camel(node, 1))));
        }
    }
    Ok(Object { members })
}

/// Makes the arguments of a call an object: the service does not accept a string that contains one.
fn repair_arguments(
    call: &mut Object<'_>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<(), Fault> {
    if let Some(node) = call.get_mut("args")
        && !matches!(node.value, Value::Object(_))
    {
        let value = std::mem::replace(&mut node.value, Value::Null);
        let arguments = tools::plain_arguments(value, location, faults)?;
        node.value = Value::Object(arguments);
    }
    Ok(())
}

/// Makes the response of a function an object, as when chats are read.
fn repair_response(response: &mut Object<'_>) {
    if let Some(node) = response.get_mut("response") {
        let value = std::mem::replace(&mut node.value, Value::Null);
        node.value = Value::Object(dialogue::answer(value));
    }
}

/// Checks that the service can find a file and knows its type.
fn check_file(file: &Object<'_>, location: Location) -> Result<(), Fault> {
    let text = |key| file.get(key).and_then(|node| node.value.text());
    let message = if text("fileUri").is_none_or(|uri| !is_reachable(&uri.plain())) {
        "`fileUri` starts with neither `gs://` nor `https://`"
    } else if text("mimeType").is_none_or(Text::is_blank) {
        "`fileData` lacks `mimeType`"
    } else if text("mimeType").is_none_or(|mime| !is_known_type(&mime.plain())) {
        "`mimeType` is none of images, video, audio, text and PDF"
    } else {
        return Ok(());
    };
    Err(unsupported(location).with_message(message))
}

/// Reports the first remaining member of a part.
fn report_unknown(rest: &Object<'_>, location: Location, faults: &mut Vec<Fault>) {
    let mut left = rest.members.iter();
    if let Some((key, _)) = left.find(|(_, node)| node.value != Value::Null) {
        let named = name_keys([key.as_ref()].into_iter());
        report(
            format!("unknown key {named} in a part is ignored"),
            location,
            faults,
        );
    }
}

/// Reports `unknown_key`, once for each message.
fn report(message: String, location: Location, faults: &mut Vec<Fault>) {
    if faults.iter().all(|fault| fault.message != message) {
        let fault = Fault::new(&rules::unknown_key::RULE)
            .at(location.at)
            .path(location);
        faults.push(fault.with_message(message));
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        formats::tests::{check, convert},
        rules::tests::{check as check_row, report_on},
    };

    /// A row whose turns have these parts.
    fn row(asked: &str, answered: &str) -> String {
        format!(
            r#"{{"contents":[{{"role":"user","parts":[{asked}]}},{{"role":"model","parts":[{answered}]}}]}}"#
        )
    }

    const TEXT: &str = r#"{"text":"one two three"}"#;

    #[test]
    fn a_call_has_an_object_of_arguments() {
        let call = |args: &str| {
            row(
                TEXT,
                &format!(r#"{{"functionCall":{{"name":"f","args":{args}}}}}"#),
            )
        };
        let plain = call(r#"{"x":1.0}"#);
        check(&plain, &plain);
        let expected = format!("{plain} double_encoded_arguments");
        check(&call(r#""{\"x\":1.0}""#), &expected);
        check(&call(r#""\"{\\\"x\\\":1.0}\"""#), &expected);
        check(&call(r#""""#), &call("{}"));
        for (args, found) in [
            ("[1]", "an array"),
            (r#""{x""#, "a string that is not JSON"),
        ] {
            check(
                &call(args),
                &format!(
                    "invalid_arguments: expected an object of arguments, found {found} $.contents[1]"
                ),
            );
        }
    }

    #[test]
    fn what_a_function_answers_is_an_object() {
        let answer = |given: &str| {
            row(
                &format!(r#"{{"functionResponse":{{"name":"f","response":{given}}}}}"#),
                TEXT,
            )
        };
        for (given, written) in [
            (r#"{"y":2}"#, r#"{"y":2}"#),
            (r#""{\"y\":2}""#, r#"{"y":2}"#),
            (r#""sunny""#, r#"{"output":"sunny"}"#),
            ("[1]", r#"{"output":[1]}"#),
            ("7", r#"{"output":7}"#),
        ] {
            check(&answer(given), &answer(written));
        }
    }

    #[test]
    fn files_are_kept_with_their_metadata() {
        let file = r#"{"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/o"},"videoMetadata":{"startOffset":"1s"},"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}}"#;
        let whole = row(&format!("{TEXT},{file}"), TEXT);
        check(&whole, &whole);
        let snake = r#"{"media_resolution":{"level":"MEDIA_RESOLUTION_LOW"},"video_metadata":{"start_offset":"1s"},"file_data":{"mime_type":"video/mp4","file_uri":"gs://b/o"},"text":null}"#;
        check(&row(&format!("{TEXT},{snake}"), TEXT), &whole);
    }

    #[test]
    fn a_part_has_one_supported_kind_of_content() {
        let file = r#""fileData":{"mimeType":"image/png","fileUri":"gs://b/o"}"#;
        for (part, message) in [
            (
                format!(r#"{{"text":"a",{file}}}"#),
                "a part has both `text` and `fileData`: write two parts",
            ),
            (
                format!(r#"{{{file},"functionCall":{{"name":"f"}}}}"#),
                "a part has both `functionCall` and `fileData`: write two parts",
            ),
            (
                r#"{"inlineData":{"mimeType":"image/png","data":"AA=="}}"#.to_owned(),
                "`inlineData` is not supported: use `fileData` with a file in Cloud Storage",
            ),
            (
                r#"{"fileData":{"mimeType":"image/png","fileUri":"http://a/b"}}"#.to_owned(),
                "`fileUri` starts with neither `gs://` nor `https://`",
            ),
            (
                r#"{"fileData":{"mimeType":"model/obj","fileUri":"gs://b/o"}}"#.to_owned(),
                "`mimeType` is none of images, video, audio, text and PDF",
            ),
            (
                r#"{"fileData":{"fileUri":"gs://b/o"}}"#.to_owned(),
                "`fileData` lacks `mimeType`",
            ),
        ] {
            check(
                &row(&part, TEXT),
                &format!("unsupported_content: {message} $.contents[0]"),
            );
        }
        check(
            &row(r#"{"functionCall":"f"}"#, TEXT),
            "wrong_type: expected an object as `functionCall`, found a string $.contents[0]",
        );
    }

    #[test]
    fn thoughts_are_not_part_of_an_answer() {
        let thought = r#"{"text":"let me see","thought":true}"#;
        let plain = row(r#"{"text":"a"}"#, TEXT);
        let expected = format!("{plain} unknown_key");
        check(
            &row(r#"{"text":"a"}"#, &format!("{thought},{thought},{TEXT}")),
            &expected,
        );
        let turn = format!(r#"{{"role":"model","parts":[{thought}]}},{{"role":"model""#);
        check(&plain.replace(r#"{"role":"model""#, &turn), &expected);
        check_row(
            &row(r#"{"text":"a"}"#, thought),
            &["no_model_turn", "unknown_key"],
        );
        let thought = r#"{"text":"one two three","thought":false}"#;
        assert_eq!(convert(&row(r#"{"text":"a"}"#, thought)), plain);
    }

    #[test]
    fn unknown_keys_of_a_part_are_reported() {
        let row = row(
            r#"{"text":"a"}"#,
            r#"{"text":"one two three","thoughtSignature":"AA"}"#,
        );
        let report = report_on(&row);
        assert_eq!(
            report
                .findings
                .iter()
                .find(|f| f.code == "unknown_key")
                .unwrap()
                .message,
            "unknown key `thoughtSignature` in a part is ignored"
        );
        assert_eq!(report.rows.kept, 1);
    }
}
