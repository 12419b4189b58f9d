//! Chat rows: `{"messages": [{"role": …, "content": …}, …]}`.

use super::{
    dialogue::{self, Dialogue},
    tools,
};
use crate::{
    example::{Example, Part, Parts, Role},
    format::{Format, fields::wrong_type},
    json::{Node, Object, Text, Value},
    keys::Keys,
    location::Location,
    rule::Fault,
    rules,
};

/// The format.
pub(super) static FORMAT: Format = Format {
    name: "messages",
    keys: Keys::MESSAGES,
    without: Keys::NONE,
    convert,
};

fn convert<'a>(mut row: Object<'a>, repairs: &mut Vec<Fault>) -> Result<Example<'a>, Fault> {
    let mut dialogue = Dialogue::default();
    for (location, message) in take_list(&mut row, "messages")? {
        add(message, location, &mut dialogue, repairs)?;
    }
    let declared = match tools::declarations(row.take("tools"), "tools")? {
        None => tools::declarations(row.take("functions"), "functions")?,
        declared => declared,
    };
    Ok(dialogue.finish(declared))
}

fn add<'a>(
    mut message: Object<'a>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    repairs: &mut Vec<Fault>,
) -> Result<(), Fault> {
    let role = take_word(&mut message, "role", location)?;
    let content = message.take("content");
    match role.plain().as_ref() {
        "system" | "developer" => dialogue.system(joined(texts(content, location)?), location)?,
        "user" => {
            let parts = texts(content, location)?;
            dialogue.say(Role::User, as_parts(parts), location);
        }
        "assistant" => {
            check_weight(&mut message, location, repairs);
            let calls = calls(&mut message, location, dialogue, repairs)?;
            let texts = match content {
                Some(Node {
                    value: Value::Null, ..
                })
                | None
                    if !calls.is_empty() =>
                {
                    Vec::new()
                }
                content => texts(content, location)?,
            };
            let blank = texts.iter().all(Text::is_blank);
            if calls.is_empty() {
                dialogue.say(Role::Model, as_parts(texts), location);
            } else if blank {
                dialogue.call(calls, location);
            } else {
                let mut parts = as_parts(texts);
                parts.extend(calls);
                dialogue.say(Role::Model, parts, location);
            }
        }
        "tool" | "function" => {
            let name = message.take("name").and_then(text_of);
            let id = message.take("tool_call_id").and_then(text_of);
            let answer = joined(texts(content, location)?);
            dialogue.respond(name, id.as_ref(), answer, location);
        }
        _ => {
            return Err(unknown_role(
                location,
                "system, developer, user, assistant, tool, function",
            ));
        }
    }
    Ok(())
}

/// Reports `message_weight`, once per row, for an answer with weight 0.
pub(super) fn check_weight(message: &mut Object<'_>, location: Location, faults: &mut Vec<Fault>) {
    let rule = &rules::message_weight::RULE;
    let Some(Node {
        value: Value::Number(weight),
        ..
    }) = message.take("weight")
    else {
        return;
    };
    let is_nothing = weight.parse().is_ok_and(|weight: f64| weight.abs() <= 0.0);
    if is_nothing && faults.iter().all(|fault| fault.rule.code != rule.code) {
        faults.push(Fault::new(rule).at(location.at).path(location));
    }
}

/// The functions that an assistant calls: `tool_calls`, or the older `function_call`.
fn calls<'a>(
    message: &mut Object<'a>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    repairs: &mut Vec<Fault>,
) -> Result<Parts<'a>, Fault> {
    let mut wanted = Vec::new();
    if let Some(Node {
        value: Value::List(calls),
        ..
    }) = message.take("tool_calls")
    {
        for call in calls {
            let Value::Object(mut call) = call.value else {
                return Err(wrong_type(&call.value, "a tool call", location));
            };
            let id = call.take("id").and_then(text_of);
            wanted.push((id, call.take("function")));
        }
    }
    match message.take("function_call") {
        Some(Node {
            value: Value::Null, ..
        })
        | None => {}
        call => wanted.push((None, call)),
    }
    let mut parts = Parts::with_capacity(wanted.len());
    for (id, function) in wanted {
        let Some(Node {
            value: Value::Object(mut function),
            ..
        }) = function
        else {
            return Err(wrong_type(
                &Value::Null,
                "a `function` in the tool call",
                location,
            ));
        };
        let name = take_word(&mut function, "name", location)?;
        let arguments = tools::arguments(function.take("arguments"), location, repairs)?;
        dialogue.remember(id, name.clone());
        parts.push(dialogue::call(name, arguments));
    }
    Ok(parts)
}

/// Names of the content types that are text: in chats, and in the requests and responses of the
/// later API.
const TEXT_TYPES: [&str; 3] = ["text", "input_text", "output_text"];

/// The text of a part like `{"type": "text", "text": …}`; some tools write it under `value`.
fn text_part(mut part: Object<'_>) -> Option<Text<'_>> {
    if let Some(kind) = part.take("type").and_then(text_of)
        && !TEXT_TYPES.contains(&kind.escaped())
    {
        return None;
    }
    let filled = |node: &Node<'_>| node.value != Value::Null;
    let text = part.take("text").filter(filled);
    let Node { value, .. } = text.or_else(|| part.take("value"))?;
    match value {
        Value::Text(text) => Some(text),
        // `{"text": {"value": …}}`, as in threads.
        Value::Object(mut text) => text.take("value").and_then(text_of),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
    }
}

/// The texts of a message's content: one string, or an array of `{"type": "text", "text": …}`.
fn texts(content: Option<Node<'_>>, location: Location) -> Result<Vec<Text<'_>>, Fault> {
    match content.map(|node| node.value) {
        None | Some(Value::Null) => Ok(vec![Text::default()]),
        Some(Value::Text(text)) => Ok(vec![text]),
        Some(Value::List(parts)) if parts.is_empty() => Ok(vec![Text::default()]),
        Some(Value::List(parts)) => parts
            .into_iter()
            .map(|part| match part.value {
                Value::Text(text) => Ok(text),
                Value::Object(part) => text_part(part).ok_or_else(|| unsupported(location)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                    Err(unsupported(location))
                }
            })
            .collect(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => Err(wrong_type(
            &other,
            "a string or an array of parts",
            location,
        )),
    }
}

fn unsupported(location: Location) -> Fault {
    Fault::new(&rules::unsupported_content::RULE)
        .at(location.at)
        .path(location)
}

fn as_parts(texts: Vec<Text<'_>>) -> Parts<'_> {
    texts.into_iter().map(Part::Text).collect()
}

fn joined(mut texts: Vec<Text<'_>>) -> Text<'_> {
    match texts.len() {
        0 | 1 => texts.pop().unwrap_or_default(),
        _ => Text::join(&texts, "\n"),
    }
}

/// Takes an array of objects out of a row, each with its place.
pub(super) fn take_list<'a>(
    row: &mut Object<'a>,
    key: &'static str,
) -> Result<Vec<(Location, Object<'a>)>, Fault> {
    let Some(Node { at, value }) = row.take(key) else {
        return Ok(Vec::new());
    };
    let location = Location::of(key, at);
    let Value::List(nodes) = value else {
        return Err(wrong_type(&value, "an array", location));
    };
    let element = |(index, node): (usize, Node<'a>)| {
        let location = Location {
            index: Some(index),
            at: node.at,
            ..location
        };
        match node.value {
            Value::Object(object) => Ok((location, object)),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)) => Err(wrong_type(&other, "an object", location)),
        }
    };
    nodes.into_iter().enumerate().map(element).collect()
}

/// Takes a required string out of an object.
pub(super) fn take_word<'a>(
    object: &mut Object<'a>,
    key: &str,
    location: Location,
) -> Result<Text<'a>, Fault> {
    match object.take(key) {
        Some(Node {
            value: Value::Text(text),
            ..
        }) => Ok(text),
        Some(Node { value, .. }) => Err(wrong_type(
            &value,
            &format!("a string as `{key}`"),
            location,
        )),
        None => Err(Fault::new(&rules::wrong_type::RULE)
            .at(location.at)
            .path(location)
            .with_message(format!("`{key}` is missing"))),
    }
}

/// `unknown_role`: the role is not one of `known`.
pub(super) fn unknown_role(location: Location, known: &str) -> Fault {
    Fault::new(&rules::unknown_role::RULE)
        .at(location.at)
        .path(location)
        .with_message(format!("expected one of the roles {known}"))
}

/// The text of a node, if it is a string.
pub(super) fn text_of(node: Node<'_>) -> Option<Text<'_>> {
    match node.value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::{check, convert};

    #[test]
    fn system_messages_at_the_start_are_the_instruction() {
        check(
            r#"{"messages":[{"role":"system","content":"s"},{"role":"developer","content":"t"},{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]}"#,
            r#"{"systemInstruction":{"role":"system","parts":[{"text":"s\n\nt"}]},"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]}"#,
        );
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"system","content":"s"}]}"#,
            "wrong_turn_order: expected system messages only at the start $.messages[1]",
        );
    }

    #[test]
    fn content_has_several_forms() {
        let row = |asked: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":{asked}}},{{"role":"assistant","content":"b"}}],"parallel_tool_calls":false}}"#
            )
        };
        let expected = convert(&row(r#""a""#));
        for asked in [
            r#"["a"]"#,
            r#"[{"type":"text","text":"a"}]"#,
            r#"[{"type":"text","text":"a","image_url":null}]"#,
            r#"[{"type":"text","value":"a"}]"#,
            r#"[{"type":"text","text":{"value":"a","annotations":[]}}]"#,
            r#"[{"type":"input_text","text":"a"}]"#,
            r#"[{"type":"output_text","text":"a","annotations":[]}]"#,
            r#"[{"text":"a"}]"#,
        ] {
            check(&row(asked), &expected);
        }
        check(
            &row(r#"[{"type":"refusal","text":"a"}]"#),
            "unsupported_content:  $.messages[0]",
        );
        check(
            &row("7"),
            "wrong_type: expected a string or an array of parts, found a number $.messages[0]",
        );
    }

    #[test]
    fn tool_calls_become_function_calls() {
        let called = r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"x":1.0}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"7"}}}]},{"role":"model","parts":[{"text":"b"}]}]}"#;
        let row = |arguments: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"c1","type":"function","function":{{"name":"f","arguments":{arguments}}}}}]}},{{"role":"tool","tool_call_id":"c1","content":"7"}},{{"role":"assistant","content":"b"}}]}}"#
            )
        };
        check(&row(r#""{\"x\": 1.0}""#), called);
        check(&row(r#"{"x":1.0}"#), called);
        check(
            &row(r#""\"{\\\"x\\\": 1.0}\"""#),
            &format!("{called} double_encoded_arguments"),
        );
        check(
            &row(r#""[1]""#),
            "invalid_arguments: expected an object of arguments, found an array $.messages[1]",
        );
        check(
            &row(r#""{x""#),
            "invalid_arguments: expected an object of arguments, found a string that is not JSON $.messages[1]",
        );
    }

    #[test]
    fn answers_of_parallel_calls_are_one_turn() {
        let row = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}},{"id":"2","function":{"name":"g","arguments":""}}]},{"role":"tool","tool_call_id":"2","content":"{\"y\":2}"},{"role":"tool","tool_call_id":"1","content":"[1]"},{"role":"assistant","content":"b"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#;
        check(
            row,
            r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}},{"functionCall":{"name":"g","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"g","response":{"y":2}}},{"functionResponse":{"name":"f","response":{"output":[1]}}}]},{"role":"model","parts":[{"text":"b"}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}]}"#,
        );
    }

    #[test]
    fn unsupported_messages_are_rejected() {
        check(
            r#"{"messages":[{"role":"boss","content":"a"}]}"#,
            "unknown_role: expected one of the roles system, developer, user, assistant, tool, function $.messages[0]",
        );
        check(
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
            "unsupported_content:  $.messages[0]",
        );
        check(
            r#"{"messages":"a"}"#,
            "wrong_type: expected an array, found a string $.messages",
        );
        check(
            r#"{"messages":["a"]}"#,
            "wrong_type: expected an object, found a string $.messages[0]",
        );
        check(
            r#"{"messages":[{"content":"a"}]}"#,
            "wrong_type: `role` is missing $.messages[0]",
        );
        assert!(convert(r#"{"messages":[]}"#).contains(r#""contents":[]"#));
    }
}
