//! Functions a model may call: their declarations, and the arguments of a call.

use std::borrow::Cow;

use super::dialogue::node;
use crate::{
    json::{Node, Object, SyntaxError, Text, Value, parse},
    location::Location,
    rule::Fault,
    rules,
};

/// How often arguments are unwrapped from a text within a text before they are given up.
const WRAPPINGS_MAX: usize = 3;

/// Arguments of a call as an object. Chat rows write them as a text that holds JSON: that is read.
/// A text within that text was encoded twice: that is repaired and told.
///
/// # Errors
/// `invalid_arguments` where there is no object to be found.
pub(super) fn arguments<'a>(
    value: Option<Node<'a>>,
    location: Location,
    repairs: &mut Vec<Fault>,
) -> Result<Object<'a>, Fault> {
    let value = value.map_or(Value::Null, |node| node.value);
    let (object, wrappings) = unwrap(value, location)?;
    if wrappings > 1 {
        repairs.push(double_encoded(location));
    }
    Ok(object)
}

/// The same where they are written as an object: a text was encoded once too often.
///
/// # Errors
/// `invalid_arguments` where there is no object to be found.
pub(super) fn plain_arguments<'a>(
    value: Value<'a>,
    location: Location,
    repairs: &mut Vec<Fault>,
) -> Result<Object<'a>, Fault> {
    let (object, wrappings) = unwrap(value, location)?;
    if wrappings > 0 {
        repairs.push(double_encoded(location));
    }
    Ok(object)
}

/// The object of arguments that `value` is or holds as a text, and within how many texts.
fn unwrap(mut value: Value<'_>, location: Location) -> Result<(Object<'_>, usize), Fault> {
    let mut wrappings = 0;
    loop {
        value = match value {
            Value::Object(object) => return Ok((object, wrappings)),
            Value::Null => return Ok((Object::default(), 0)),
            Value::Text(text) if text.is_blank() => return Ok((Object::default(), 0)),
            Value::Text(text) if wrappings < WRAPPINGS_MAX => {
                wrappings += 1;
                let Ok(parsed) = parse_owned(&text) else {
                    return Err(invalid("a text that is not JSON", location));
                };
                parsed
            }
            other @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_)) => {
                return Err(invalid(other.kind(), location));
            }
        };
    }
}

fn double_encoded(location: Location) -> Fault {
    Fault::new(&rules::double_encoded_arguments::RULE)
        .at(location.at)
        .path(location)
}

/// The JSON that `text` holds.
fn parse_owned(text: &Text<'_>) -> Result<Value<'static>, SyntaxError> {
    let plain = text.plain();
    let parsed = parse(&plain)?;
    Ok(parsed.node.value.into_owned())
}

fn invalid(found: &str, location: Location) -> Fault {
    Fault::new(&rules::invalid_arguments::RULE)
        .at(location.at)
        .path(location)
        .saying(format!("expected an object of arguments, found {found}"))
}

/// Declarations as Gemini has them, from `tools` or `functions` of chat rows or a text that
/// holds them; `None` where there are none.
///
/// # Errors
/// `wrong_type` where there is something else.
pub(super) fn declarations<'a>(
    node_: Option<Node<'a>>,
    key: &'static str,
) -> Result<Option<Value<'a>>, Fault> {
    let Some(Node { at, value }) = node_ else {
        return Ok(None);
    };
    let location = Location::of(key, at);
    let wrong = |kind: &str| {
        Fault::new(&rules::wrong_type::RULE)
            .at(at)
            .path(location)
            .saying(format!("expected a list of functions, found {kind}"))
    };
    let value = match value {
        Value::Text(text) if text.is_blank() => return Ok(None),
        Value::Text(text) => {
            let Ok(parsed) = parse_owned(&text) else {
                return Err(wrong("a text that is not JSON"));
            };
            parsed
        }
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::List(_)
        | Value::Object(_)) => other,
    };
    let tools = match value {
        Value::List(tools) => tools,
        Value::Null => return Ok(None),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_)) => {
            return Err(wrong(other.kind()));
        }
    };
    if tools.is_empty() {
        return Ok(None);
    }
    let functions = tools
        .into_iter()
        .map(|tool| match tool.value {
            Value::Object(mut object) => match object.take("function").map(|node| node.value) {
                // `{"type": "function", "function": {…}}`
                Some(Value::Object(function)) => Ok(declaration(function)),
                Some(other) => Err(wrong(other.kind())),
                None => Ok(declaration(object)),
            },
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)) => Err(wrong(other.kind())),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let members = vec![(
        Cow::Borrowed("functionDeclarations"),
        node(Value::List(functions)),
    )];
    Ok(Some(Value::List(vec![node(Value::Object(Object {
        members,
    }))])))
}

/// What Gemini's `FunctionDeclaration` shares with that of chat rows; flags like `strict` it refuses.
fn declaration(mut function: Object<'_>) -> Node<'_> {
    let shared = ["name", "description", "parameters"];
    let members = shared
        .into_iter()
        .filter_map(|key| Some((Cow::Borrowed(key), function.take(key)?)))
        .collect();
    node(Value::Object(Object { members }))
}
