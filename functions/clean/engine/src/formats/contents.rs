//! Rows already in Gemini's format: `{"systemInstruction": …, "contents": […]}`, in camel case or
//! in snake case, which protobuf's JSON accepts too.

mod part;

use std::borrow::Cow;

use self::part::{part, unsupported};
use super::{
    chat::{take_list, take_word},
    roles, tools,
};
use crate::{
    example::{Example, Part, Parts, Role, Turn},
    format::{Format, fields::wrong_type},
    json::{Node, Object, Text, Value},
    keys::Keys,
    location::Location,
    rule::Fault,
};

/// The format.
pub(crate) static FORMAT: Format = Format {
    name: "vertex",
    keys: Keys::CONTENTS,
    without: Keys::NONE,
    reads: &["system", "tools", "toolConfig", "generationConfig"],
    convert,
};

/// Members kept besides the turns, in both spellings.
const EXTRAS: &[(&str, &[&str])] = &[
    ("tools", &["tools"]),
    ("toolConfig", &["toolConfig", "tool_config"]),
    (
        "generationConfig",
        &["generationConfig", "generation_config"],
    ),
];

fn convert<'a>(mut row: Object<'a>, faults: &mut Vec<Fault>) -> Result<Example<'a>, Fault> {
    let mut example = Example {
        system: match row.take_any(&["system", "systemInstruction", "system_instruction"]) {
            Some(node) => system(node, faults)?,
            None => None,
        },
        ..Example::default()
    };
    for (location, mut content) in take_list(&mut row, "contents")? {
        let role = take_word(&mut content, "role", location)?;
        // Google's own checks accept the role in any case.
        let word = role.plain().to_ascii_lowercase();
        let role = match word.as_str() {
            "user" | "function" => Role::User,
            "model" => Role::Model,
            word => return Err(roles::unknown(word, &["user", "model"], location)),
        };
        let parts = match content.take("parts").map(|node| node.value) {
            Some(Value::List(parts)) => parts,
            Some(other) => return Err(wrong_type(&other, "an array as `parts`", location)),
            None => return Err(wrong_type(&Value::Null, "an array as `parts`", location)),
        };
        let were_some = !parts.is_empty();
        let parts: Parts<'_> = parts
            .into_iter()
            .filter_map(|node| part(node, location, faults).transpose())
            .collect::<Result<_, _>>()?;
        // Skip a turn that consists of thoughts only.
        if !(were_some && parts.is_empty()) {
            example.turns.push(Turn {
                role,
                parts,
                location,
            });
        }
    }
    for (key, spellings) in EXTRAS {
        let Some(node) = row.take_any(spellings) else {
            continue;
        };
        let node = camel(node, 3);
        let value = if *key == "tools" {
            tools::declarations(Some(node), key, faults)?
        } else {
            Some(node.value)
        };
        example.extras.extend(value.map(|value| (*key, value)));
    }
    Ok(example)
}

/// The texts of a system instruction, joined by line breaks.
fn system<'a>(node: Node<'a>, faults: &mut Vec<Fault>) -> Result<Option<Text<'a>>, Fault> {
    let location = Location::of("systemInstruction", node.at);
    let mut object = match node.value {
        Value::Null => return Ok(None),
        Value::Text(text) => return Ok(Some(text)),
        Value::Object(object) => object,
        other @ (Value::Bool(_) | Value::Number(_) | Value::List(_)) => {
            return Err(wrong_type(&other, "an object", location));
        }
    };
    let parts = match object.take("parts").map(|node| node.value) {
        Some(Value::List(parts)) => parts,
        Some(one @ Value::Object(_)) => vec![Node {
            at: location.at,
            value: one,
        }],
        Some(other) => return Err(wrong_type(&other, "an array as `parts`", location)),
        None => return Ok(None),
    };
    let mut whole: Option<Text<'_>> = None;
    for node in parts {
        match part(node, location, faults)? {
            Some(Part::Text(text)) => {
                whole = Some(match whole {
                    Some(before) => Text::join(&[before, text], "\n"),
                    None => text,
                });
            }
            Some(Part::Other(..)) => return Err(unsupported(location)),
            None => {}
        }
    }
    Ok(whole)
}

/// Spells the keys of `node` in camel case, down to a nesting of `depth` objects: deeper keys
/// belong to the user's function, not to Gemini.
fn camel(node: Node<'_>, depth: usize) -> Node<'_> {
    let value = match node.value {
        Value::Object(object) if depth > 0 => {
            let mut respelt = Object::default();
            for (key, node) in object.members {
                let below = if is_free(&key) { 0 } else { depth - 1 };
                let key = camel_key(&key);
                // If both spellings are present, the first one wins.
                if !respelt.has(&key) {
                    respelt.members.push((key, camel(node, below)));
                }
            }
            Value::Object(respelt)
        }
        Value::List(nodes) => {
            Value::List(nodes.into_iter().map(|node| camel(node, depth)).collect())
        }
        other @ (Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)) => other,
    };
    Node { at: node.at, value }
}

/// Whether the names below `key` are the user's, not Gemini's.
fn is_free(key: &str) -> bool {
    matches!(
        key,
        "args" | "response" | "parameters" | "parametersJsonSchema" | "parameters_json_schema"
    )
}

fn camel_key<'k>(key: &str) -> Cow<'k, str> {
    let mut spelt = String::with_capacity(key.len());
    let mut raise = false;
    for c in key.chars() {
        match c {
            '_' => raise = true,
            c if std::mem::take(&mut raise) => spelt.extend(c.to_uppercase()),
            c => spelt.push(c),
        }
    }
    Cow::Owned(spelt)
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::check;

    #[test]
    fn both_spellings_become_camel_case() {
        let camel = r#"{"systemInstruction":{"role":"system","parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"a"},{"fileData":{"mimeType":"image/png","fileUri":"gs://b/o"}}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"snake_key":1}}}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"snake_key":{"type":"STRING"}}}}]}]}"#;
        check(camel, camel);
        check(
            r#"{"tools":[{"function_declarations":[{"name":"f","parameters":{"type":"object","properties":{"snake_key":{"type":"string"}}}}]}],"contents":[{"parts":[{"text":"a"},{"file_data":{"mime_type":"image/png","file_uri":"gs://b/o"}}],"role":"USER"},{"role":"model","parts":[{"function_call":{"name":"f","args":{"snake_key":1}}}]}],"system_instruction":"s"}"#,
            camel,
        );
    }

    #[test]
    fn rows_the_service_would_drop_are_rejected() {
        check(
            r#"{"contents":[{"role":"assistant","parts":[]}]}"#,
            "unknown_role: expected one of the roles user, model $.contents[0]",
        );
        check(
            r#"{"contents":[{"role":"user","parts":[{"thought":true}]}]}"#,
            "unsupported_content:  $.contents[0]",
        );
        check(
            r#"{"contents":[{"role":"user","parts":"a"}]}"#,
            "wrong_type: expected an array as `parts`, found a string $.contents[0]",
        );
        check(
            r#"{"contents":[{"parts":[]}]}"#,
            "wrong_type: `role` is missing $.contents[0]",
        );
    }
}
