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
                let mut written = Vec::new();
                write(value, &mut written);
                *value = Value::Text(Text::of(&String::from_utf8_lossy(&written)));
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
