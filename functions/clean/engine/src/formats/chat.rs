//! Reads the messages of a conversation, by whatever vendor's names their members have.

use super::{
    content::{self, FunctionAnswer, FunctionCall, Piece, left_out, text_of},
    dialogue::{self, Dialogue},
    roles::{Speaker, speaker},
    tools,
};
use crate::{
    example::{Example, Part, Parts, Role},
    format::fields::{take_system, wrong_type},
    json::{Node, Object, Text, Value, parse},
    location::Location,
    rule::Fault,
    rules,
};

/// Names of the member that says who speaks.
const ROLE: &[&str] = &["role", "from", "speaker", "author", "sender"];

/// Names of the member that holds what is said.
const CONTENT: &[&str] = &["content", "value", "text", "message", "parts"];

/// Names of members that hold how the model came to its answer.
const REASONING: &[&str] = &["reasoning_content", "reasoning", "thinking", "thoughts"];

/// Names of members by which a message says that it must not be trained on, and whether they say so
/// by being true.
const UNTRAINED: &[(&str, bool)] = &[
    ("weight", false),
    ("train", false),
    ("training", false),
    ("trainable", false),
    ("loss", false),
    ("loss_mask", false),
    ("learn", false),
    ("loss_weight", false),
    ("mask", true),
    ("masked", true),
];

/// Reads the conversation under `key`, and the tools that it may call.
pub(super) fn convert<'a>(
    mut row: Object<'a>,
    key: &'static str,
    faults: &mut Vec<Fault>,
) -> Result<Example<'a>, Fault> {
    let mut dialogue = Dialogue::default();
    if let Some((text, location)) = take_system(&mut row)? {
        dialogue.system(text, location)?;
    }
    for (location, message) in take_list(&mut row, key)? {
        add(message, location, &mut dialogue, faults)?;
    }
    let mut declared = None;
    for key in ["tools", "functions", "toolConfig"] {
        let given = row.take(key);
        // Bedrock declares tools there; Gemini says which may be called.
        let given =
            given.filter(|node| key != "toolConfig" || node.value.member("tools").is_some());
        if declared.is_none() {
            declared = tools::declarations(given, key, faults)?;
        }
    }
    Ok(dialogue.finish(declared, faults))
}

fn add<'a>(
    mut message: Object<'a>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    faults: &mut Vec<Fault>,
) -> Result<(), Fault> {
    let named = ROLE.iter().find(|key| message.has(key)).copied();
    if named.is_none() && message.has("type") {
        // An item of a list that holds calls and answers between messages.
        if let Some(piece) = content::piece(message, location, faults)? {
            item(piece, location, dialogue, faults);
        }
        return Ok(());
    }
    let role = take_word(&mut message, named.unwrap_or("role"), location)?;
    let content = message.take_any(CONTENT);
    if content.is_none() && named == Some("from") {
        return Err(missing("value", location));
    }
    match speaker(&role, location)? {
        Speaker::System => {
            let pieces = content::pieces(content, location, faults)?;
            dialogue.system(joined(texts(pieces, location)?), location)?;
        }
        Speaker::User => {
            let pieces = content::pieces(content, location, faults)?;
            let parts = pieces.into_iter();
            let parts = parts.map(|piece| dialogue.part(piece, location, faults));
            let parts: Parts<'a> = parts.collect();
            if parts
                .iter()
                .all(|part| matches!(part, Part::Other(kind, _) if *kind == dialogue::RESPONSE))
            {
                dialogue.respond(parts, location);
            } else {
                dialogue.say(Role::User, parts, location);
                dialogue.close_calls();
            }
        }
        Speaker::Model => answer(message, content, location, dialogue, faults)?,
        Speaker::Call => {
            let calls = calls_in(content, location, faults)?;
            let calls = calls.into_iter();
            let parts = calls.map(|call| dialogue.call_part(call)).collect();
            dialogue.call(parts, location);
        }
        Speaker::Function => {
            let name = message.take_any(&["name", "tool_name"]).and_then(text_of);
            let id = message.take_any(&["tool_call_id", "tool_use_id", "call_id", "id"]);
            let value = content::plain(content.map_or(Value::Null, |node| node.value));
            let value = if let Value::List(_) = value {
                answers(value, location, dialogue, faults)?
            } else {
                value
            };
            let answer = FunctionAnswer {
                id: id.and_then(text_of),
                name,
                value,
            };
            let part = dialogue.answer_part(answer, location, faults);
            dialogue.respond(smallvec::smallvec![part], location);
        }
    }
    Ok(())
}

/// Reads the blocks of a function's message: their answers are added, and other content is the
/// answer.
fn answers<'a>(
    content: Value<'a>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    faults: &mut Vec<Fault>,
) -> Result<Value<'a>, Fault> {
    let is_block = |node: &Node<'_>| node.value.member("type").is_some();
    if !content.elements().iter().all(is_block) {
        return Ok(content);
    }
    let node = Node::unplaced(content);
    let mut blocks = content::pieces(Some(node), location, faults)?;
    let Some(last) = blocks.pop() else {
        return Ok(Value::Null);
    };
    for piece in blocks {
        item(piece, location, dialogue, faults);
    }
    Ok(match last {
        Piece::Answer(answer) => answer.value,
        Piece::Text(text) => Value::Text(text),
        Piece::Call(_) | Piece::File(_) => Value::Null,
    })
}

/// Adds an item that is not within a message.
fn item<'a>(
    piece: Piece<'a>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    faults: &mut Vec<Fault>,
) {
    match piece {
        Piece::Call(call) => {
            let part = dialogue.call_part(call);
            dialogue.call(smallvec::smallvec![part], location);
        }
        Piece::Answer(answer) => {
            let part = dialogue.answer_part(answer, location, faults);
            dialogue.respond(smallvec::smallvec![part], location);
        }
        piece @ (Piece::Text(_) | Piece::File(_)) => {
            let part = dialogue.part(piece, location, faults);
            dialogue.say(Role::User, smallvec::smallvec![part], location);
        }
    }
}

/// Adds what the model answers: texts, and calls of functions.
fn answer<'a>(
    mut message: Object<'a>,
    content: Option<Node<'a>>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    faults: &mut Vec<Fault>,
) -> Result<(), Fault> {
    for name in REASONING {
        let is_given = |node: &Node<'_>| node.value != Value::Null;
        if message.take(name).is_some_and(|node| is_given(&node)) {
            left_out(name, location, faults);
        }
    }
    let trained = is_trained(&message);
    let called = calls(&mut message, location, faults)?;
    let is_given = |node: &Node<'_>| node.value != Value::Null;
    let content = content.filter(is_given).or_else(|| {
        let refusal = message.take("refusal");
        refusal.filter(is_given)
    });
    let pieces = match content {
        None if !called.is_empty() => Vec::new(),
        content => content::pieces(content, location, faults)?,
    };
    let mut parts = Parts::with_capacity(pieces.len() + called.len());
    for piece in pieces {
        parts.push(dialogue.part(piece, location, faults));
    }
    parts.extend(called.into_iter().map(|call| dialogue.call_part(call)));
    let is_call = |part: &Part<'_>| matches!(part, Part::Other(kind, _) if *kind == dialogue::CALL);
    let blank = |part: &Part<'_>| matches!(part, Part::Text(text) if text.is_blank());
    let calls_only =
        parts.iter().any(is_call) && parts.iter().all(|part| is_call(part) || blank(part));
    if calls_only {
        parts.retain(|part| is_call(part));
        dialogue.call(parts, location);
    } else {
        dialogue.say(Role::Model, parts, location);
    }
    if !trained {
        dialogue.leave_out_of_training(location);
    }
    Ok(())
}

/// Whether a message may be trained on, as far as it says so.
fn is_trained(message: &Object<'_>) -> bool {
    // The usual case.
    if message.members.is_empty() {
        return true;
    }
    let forbids = |(key, when): &(&str, bool)| {
        let said = message.get(key).map(|node| &node.value);
        match said {
            Some(Value::Bool(said)) => said == when,
            Some(Value::Number(number)) => {
                let is_zero = number.parse().is_ok_and(|number: f64| number.abs() <= 0.0);
                is_zero != *when
            }
            Some(Value::Null | Value::Text(_) | Value::List(_) | Value::Object(_)) | None => false,
        }
    };
    !UNTRAINED.iter().any(forbids)
}

/// The functions that a message calls: `tool_calls`, or the older `function_call`.
fn calls<'a>(
    message: &mut Object<'a>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<Vec<FunctionCall<'a>>, Fault> {
    let mut calls = Vec::new();
    if let Some(node) = message.take_any(&["tool_calls", "toolCalls"]) {
        let nodes = match node.value {
            Value::List(nodes) => nodes,
            Value::Null => Vec::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_)) => {
                calls.extend(calls_in(Some(Node::unplaced(other)), location, faults)?);
                Vec::new()
            }
        };
        for node in nodes {
            let Value::Object(call) = node.value else {
                return Err(wrong_type(&node.value, "a tool call", location));
            };
            calls.push(content::call(call, location, faults)?);
        }
    }
    match message.take("function_call").map(|node| node.value) {
        Some(Value::Object(call)) => calls.push(content::call(call, location, faults)?),
        Some(Value::Null) | None => {}
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_))) => {
            return Err(wrong_type(&other, "a function call", location));
        }
    }
    Ok(calls)
}

/// The calls in a string that contains one as JSON, or an array of them; or in these themselves.
fn calls_in<'a>(
    content: Option<Node<'a>>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<Vec<FunctionCall<'a>>, Fault> {
    let invalid = |found: &str| {
        Fault::new(&rules::invalid_arguments::RULE)
            .at(location.at)
            .path(location)
            .with_message(format!("expected a function call as JSON, found {found}"))
    };
    let value = match content.map_or(Value::Null, |node| node.value) {
        Value::Text(text) => match parse(&text.plain()) {
            Ok(parsed) => parsed.node.value.into_owned(),
            Err(_) => return Err(invalid("a string that is not JSON")),
        },
        value @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::List(_)
        | Value::Object(_)) => value,
    };
    let nodes = match value {
        Value::List(nodes) => nodes,
        one @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Object(_)) => vec![Node::unplaced(one)],
    };
    let calls = nodes.into_iter().map(|node| {
        let Value::Object(call) = node.value else {
            return Err(invalid(node.value.kind()));
        };
        content::call(call, location, faults)
    });
    calls.collect()
}

/// The texts of a message that can hold nothing else.
fn texts(pieces: Vec<Piece<'_>>, location: Location) -> Result<Vec<Text<'_>>, Fault> {
    let text = |piece| match piece {
        Piece::Text(text) => Ok(text),
        Piece::File(_) | Piece::Call(_) | Piece::Answer(_) => {
            let fault = Fault::new(&rules::unsupported_content::RULE);
            let fault = fault.at(location.at).path(location);
            Err(fault.with_message("a system message holds something other than text"))
        }
    };
    pieces.into_iter().map(text).collect()
}

fn joined(mut texts: Vec<Text<'_>>) -> Text<'_> {
    match texts.len() {
        0 | 1 => texts.pop().unwrap_or_default(),
        _ => Text::join(&texts, "\n"),
    }
}

/// Takes an array of objects out of a row, each with its place. A cell of a table holds one as a
/// string of JSON.
pub(super) fn take_list<'a>(
    row: &mut Object<'a>,
    key: &'static str,
) -> Result<Vec<(Location, Object<'a>)>, Fault> {
    let Some(Node { at, value }) = row.take(key) else {
        return Ok(Vec::new());
    };
    let location = Location::of(key, at);
    let nodes = match tools::unquoted(value, at) {
        Value::List(nodes) => nodes,
        value @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Object(_)) => return Err(wrong_type(&value, "an array", location)),
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
        None => Err(missing(key, location)),
    }
}

fn missing(key: &str, location: Location) -> Fault {
    Fault::new(&rules::wrong_type::RULE)
        .at(location.at)
        .path(location)
        .with_message(format!("`{key}` is missing"))
}
