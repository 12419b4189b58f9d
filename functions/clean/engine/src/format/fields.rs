//! Takes members of a row by their type; says which type was found where another was expected.

use crate::{
    json::{Node, Object, Text, Value, write},
    location::Location,
    rule::Fault,
    rules,
};

/// Takes the string under `key` out of a row; `null` reads as an empty text.
pub(crate) fn take_text<'a>(
    row: &mut Object<'a>,
    key: &'static str,
) -> Result<Option<(Text<'a>, Location)>, Fault> {
    text_of(row.take(key), key)
}

/// The string that a row has under `key`; `null` reads as an empty text.
pub(crate) fn text_of<'a>(
    node: Option<Node<'a>>,
    key: &'static str,
) -> Result<Option<(Text<'a>, Location)>, Fault> {
    let Some(Node { at, value }) = node else {
        return Ok(None);
    };
    let location = Location::of(key, at);
    match value {
        Value::Text(text) => Ok(Some((text, location))),
        Value::Null => Ok(Some((Text::default(), location))),
        other @ (Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_)) => {
            Err(wrong_type(&other, "a string", location))
        }
    }
}

/// The answer that a row has under `key`: a string, or a number, a boolean or an object as its JSON.
pub(crate) fn answer_of<'a>(
    mut node: Option<Node<'a>>,
    key: &'static str,
) -> Result<Option<(Text<'a>, Location)>, Fault> {
    if let Some(Node { value, .. }) = &mut node
        && let Value::Number(_) | Value::Bool(_) | Value::Object(_) = value
    {
        *value = Value::Text(as_json(value));
    }
    text_of(node, key)
}

/// A value as its JSON.
fn as_json(value: &Value<'_>) -> Text<'static> {
    let mut written = Vec::new();
    write(value, &mut written);
    Text::of(&String::from_utf8_lossy(&written))
}

/// Takes the system instruction out of a row: a string, or blocks of text, as vendors write it.
pub(crate) fn take_system<'a>(row: &mut Object<'a>) -> Result<Option<(Text<'a>, Location)>, Fault> {
    let Some(Node { at, value }) = row.take("system") else {
        return Ok(None);
    };
    let location = Location::of("system", at);
    let wrong = |value: &Value<'_>| wrong_type(value, "a string", location);
    let nodes = match value {
        Value::Text(text) => return Ok(Some((text, location))),
        Value::Null => return Ok(None),
        Value::List(nodes) => nodes,
        // `{"parts": […]}`, `{"role": "system", "content": …}`, `{"text": …}`
        Value::Object(object) => vec![Node {
            at,
            value: Value::Object(object),
        }],
        other @ (Value::Bool(_) | Value::Number(_)) => return Err(wrong(&other)),
    };
    let mut texts = Vec::with_capacity(nodes.len());
    for node in nodes {
        add_texts(node.value, &mut texts).map_err(|value| wrong(&value))?;
    }
    Ok((!texts.is_empty()).then(|| (Text::join(&texts, "\n"), location)))
}

/// Adds the texts of a block.
fn add_texts<'a>(value: Value<'a>, texts: &mut Vec<Text<'a>>) -> Result<(), Value<'a>> {
    match value {
        Value::Text(text) => texts.push(text),
        Value::List(nodes) => {
            for node in nodes {
                add_texts(node.value, texts)?;
            }
        }
        Value::Object(mut object) => match object.take_any(&["text", "parts", "content"]) {
            Some(node) => add_texts(node.value, texts)?,
            // A point up to which a provider keeps a prompt.
            None if object.has("cachePoint") => {}
            None => return Err(Value::Object(object)),
        },
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => return Err(other),
    }
    Ok(())
}

/// The label that a row has under `key`: a string, or the number or boolean that names a class.
pub(crate) fn label_of<'a>(
    mut node: Option<Node<'a>>,
    key: &'static str,
) -> Result<Option<(Text<'a>, Location)>, Fault> {
    if let Some(Node { at, value }) = &mut node {
        match value {
            Value::List(_) | Value::Object(_) => {
                let location = Location::of(key, *at);
                return Err(wrong_type(
                    value,
                    "a string, a number or a boolean",
                    location,
                ));
            }
            Value::Number(_) | Value::Bool(_) => {
                *value = Value::Text(as_json(value));
            }
            Value::Null | Value::Text(_) => {}
        }
    }
    text_of(node, key)
}

/// `wrong_type`: `value` is not what was expected at `location`.
pub(crate) fn wrong_type(value: &Value<'_>, expected: &str, location: Location) -> Fault {
    Fault::new(&rules::wrong_type::RULE)
        .at(location.at)
        .path(location)
        .with_message(format!("expected {expected}, found {}", value.kind()))
}
