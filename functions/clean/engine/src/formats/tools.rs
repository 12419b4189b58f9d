//! Functions that a model may call: their declarations, and the arguments of a call.

use std::borrow::Cow;

use super::dialogue::node;
use crate::{
    json::{Node, Object, SyntaxError, Text, Value, parse},
    location::Location,
    rule::Fault,
    rules,
};

/// How many times arguments are decoded from a string within a string before giving up.
const WRAPPINGS_MAX: usize = 3;

/// Arguments of a call as an object. Chat rows write them as a string that contains JSON, which is
/// decoded. A further string within that string was encoded twice; it is decoded and reported.
///
/// # Errors
/// `invalid_arguments` if there is no object.
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

/// The same for formats that write arguments as an object: a string was encoded once too often.
///
/// # Errors
/// `invalid_arguments` if there is no object.
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

/// The object of arguments that `value` is or contains as a string, and the number of strings
/// around it.
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
                    return Err(invalid("a string that is not JSON", location));
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

/// The JSON that `text` contains.
fn parse_owned(text: &Text<'_>) -> Result<Value<'static>, SyntaxError> {
    let plain = text.plain();
    let parsed = parse(&plain)?;
    Ok(parsed.node.value.into_owned())
}

fn invalid(found: &str, location: Location) -> Fault {
    Fault::new(&rules::invalid_arguments::RULE)
        .at(location.at)
        .path(location)
        .with_message(format!("expected an object of arguments, found {found}"))
}

/// Declarations as Gemini has them, from `tools` or `functions` of chat rows or from a string that
/// contains them; `None` if there are none.
///
/// # Errors
/// `wrong_type` for anything else.
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
            .with_message(format!("expected an array of functions, found {kind}"))
    };
    let value = match value {
        Value::Text(text) if text.is_blank() => return Ok(None),
        Value::Text(text) => {
            let Ok(parsed) = parse_owned(&text) else {
                return Err(wrong("a string that is not JSON"));
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

/// The members that Gemini's `FunctionDeclaration` has in common with that of chat rows; the
/// service rejects flags such as `strict`.
fn declaration(mut function: Object<'_>) -> Node<'_> {
    let shared = ["name", "description", "parameters"];
    let members = shared
        .into_iter()
        .filter_map(|key| Some((Cow::Borrowed(key), function.take(key)?)))
        .collect();
    node(Value::Object(Object { members }))
}
