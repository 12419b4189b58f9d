//! Functions that a model may call: their declarations, and the arguments of a call.

mod parameters;

use std::borrow::Cow;

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

/// The JSON that a string contains; any other value, and a string that is not JSON, as it is.
pub(super) fn unquoted(value: Value<'_>, at: u32) -> Value<'_> {
    let Value::Text(text) = &value else {
        return value;
    };
    let Ok(mut parsed) = parse_owned(text) else {
        return value;
    };
    parsed.move_to(at);
    parsed
}

/// Members that hold the parameters of a function, by vendor.
const PARAMETERS: &[&str] = &["parameters", "input_schema", "inputSchema"];

/// Declarations as Gemini has them, from `tools` or `functions` of any vendor or from a string that
/// contains them; `None` if there are none.
///
/// # Errors
/// `wrong_type` for anything else.
pub(super) fn declarations<'a>(
    given: Option<Node<'a>>,
    key: &'static str,
    faults: &mut Vec<Fault>,
) -> Result<Option<Value<'a>>, Fault> {
    let Some(Node { at, value }) = given else {
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
        // `{"tools": […]}`, or a single tool.
        Value::Object(mut object) => match object.take("tools").map(|node| node.value) {
            Some(Value::List(tools)) => tools,
            Some(other) => return Err(wrong(other.kind())),
            None if object.members.is_empty() => return Ok(None),
            None => vec![Node::unplaced(Value::Object(object))],
        },
        other @ (Value::Bool(_) | Value::Number(_) | Value::Text(_)) => {
            return Err(wrong(other.kind()));
        }
    };
    let (mut functions, mut others) = (Vec::new(), Vec::new());
    for tool in tools {
        let Value::Object(mut tool) = tool.value else {
            return Err(wrong(tool.value.kind()));
        };
        tool.members.retain(|(_, node)| node.value != Value::Null);
        match tool.take_any(&["functionDeclarations", "function_declarations"]) {
            Some(Node {
                value: Value::List(declared),
                ..
            }) => {
                for function in declared {
                    let Value::Object(function) = function.value else {
                        return Err(wrong(function.value.kind()));
                    };
                    functions.push(
                        declaration(function, location, faults)
                            .ok_or_else(|| wrong("a function without a name"))?,
                    );
                }
                // A tool of the service's own, such as a search.
                if !tool.members.is_empty() {
                    others.push(Node::unplaced(Value::Object(tool)));
                }
            }
            Some(other) => return Err(wrong(other.value.kind())),
            None if is_of_service(&tool) => others.push(Node::unplaced(Value::Object(tool))),
            None => {
                let function = match tool
                    .take_any(&["function", "toolSpec"])
                    .map(|node| node.value)
                {
                    // `{"type": "function", "function": {…}}`
                    Some(Value::Object(function)) => function,
                    Some(other) => return Err(wrong(other.kind())),
                    None => tool,
                };
                functions.push(
                    declaration(function, location, faults)
                        .ok_or_else(|| wrong("a function without a name"))?,
                );
            }
        }
    }
    let mut written = Vec::with_capacity(1 + others.len());
    if !functions.is_empty() {
        let members = vec![(
            Cow::Borrowed("functionDeclarations"),
            Node::unplaced(Value::List(functions)),
        )];
        written.push(Node::unplaced(Value::Object(Object { members })));
    }
    written.extend(others);
    Ok((!written.is_empty()).then_some(Value::List(written)))
}

/// Whether a tool is one of the service's own: `{"googleSearch": {}}`.
fn is_of_service(tool: &Object<'_>) -> bool {
    let own = [
        "googleSearch",
        "google_search",
        "codeExecution",
        "code_execution",
        "retrieval",
        "urlContext",
        "googleMaps",
    ];
    own.iter().any(|name| tool.has(name))
}

/// A declaration with the members that Gemini's `FunctionDeclaration` has; the service rejects flags
/// such as `strict`. `None` for a function without a name.
fn declaration<'a>(
    mut function: Object<'a>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Option<Node<'a>> {
    function
        .members
        .retain(|(_, node)| node.value != Value::Null);
    let name = function.take("name")?;
    name.value.text().filter(|name| !name.is_blank())?;
    let mut members = vec![(Cow::Borrowed("name"), name)];
    members.extend(
        function
            .take("description")
            .map(|node| (Cow::Borrowed("description"), node)),
    );
    let schema = function.take_any(&["parametersJsonSchema", "parameters_json_schema"]);
    let given = function
        .take_any(PARAMETERS)
        .map(|given| match given.value {
            // Bedrock: `{"inputSchema": {"json": {…}}}`
            Value::Object(mut object) if object.has("json") => {
                object.take("json").unwrap_or(Node::unplaced(Value::Null))
            }
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Object(_)) => Node {
                at: given.at,
                value,
            },
        });
    match (given, schema) {
        (_, Some(schema)) => members.push((Cow::Borrowed("parametersJsonSchema"), schema)),
        (Some(given), None) => match parameters::translated(&given.value) {
            Ok(None) => {}
            Ok(Some(translated)) => {
                members.push((Cow::Borrowed("parameters"), Node::unplaced(translated)));
            }
            Err(keyword) => {
                let message = format!(
                    "the parameters of a function use {keyword}, which Gemini's schema does not have: they are written as `parametersJsonSchema`"
                );
                if faults.iter().all(|fault| fault.message != message) {
                    let fault = Fault::new(&rules::tool_schema::RULE);
                    faults.push(fault.at(location.at).path(location).with_message(message));
                }
                members.push((Cow::Borrowed("parametersJsonSchema"), given));
            }
        },
        (None, None) => {}
    }
    for key in ["response", "responseJsonSchema"] {
        members.extend(function.take(key).map(|node| (Cow::Borrowed(key), node)));
    }
    Some(Node::unplaced(Value::Object(Object { members })))
}
