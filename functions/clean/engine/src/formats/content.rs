//! The content of a message: a string, or blocks of many kinds, as different vendors write them.

use std::borrow::Cow;

use super::tools;
use crate::{
    example::Part,
    format::fields::wrong_type,
    json::{Node, Object, Text, Value},
    location::Location,
    media,
    rule::Fault,
    rules,
};

/// A piece of a message.
pub(super) enum Piece<'a> {
    /// What is said.
    Text(Text<'a>),
    /// A file.
    File(Part<'a>),
    /// A call of a function.
    Call(FunctionCall<'a>),
    /// What a function answered.
    Answer(FunctionAnswer<'a>),
}

/// A call of a function.
pub(super) struct FunctionCall<'a> {
    /// The id that its answer refers to.
    pub(super) id: Option<Text<'a>>,
    /// The name of the function.
    pub(super) name: Text<'a>,
    /// Its arguments.
    pub(super) arguments: Object<'a>,
}

/// What a function answered.
pub(super) struct FunctionAnswer<'a> {
    /// The id of the call.
    pub(super) id: Option<Text<'a>>,
    /// The name of the function.
    pub(super) name: Option<Text<'a>>,
    /// What it answered.
    pub(super) value: Value<'a>,
}

/// What a block is, by its type or by the key of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Call,
    Answer,
    File,
}

/// Types of blocks, and keys of blocks without a type.
const KINDS: &[(&str, Kind)] = &[
    ("text", Kind::Text),
    ("input_text", Kind::Text),
    ("output_text", Kind::Text),
    ("refusal", Kind::Text),
    ("reasoning", Kind::Reasoning),
    ("reasoning_content", Kind::Reasoning),
    ("reasoningContent", Kind::Reasoning),
    ("reasoning_text", Kind::Reasoning),
    ("thinking", Kind::Reasoning),
    ("redacted_thinking", Kind::Reasoning),
    ("thought", Kind::Reasoning),
    ("tool_call", Kind::Call),
    ("tool_use", Kind::Call),
    ("toolUse", Kind::Call),
    ("function_call", Kind::Call),
    ("functionCall", Kind::Call),
    ("function", Kind::Call),
    ("custom_tool_call", Kind::Call),
    ("tool_result", Kind::Answer),
    ("toolResult", Kind::Answer),
    ("tool_response", Kind::Answer),
    ("function_response", Kind::Answer),
    ("functionResponse", Kind::Answer),
    ("function_call_output", Kind::Answer),
    ("custom_tool_call_output", Kind::Answer),
    ("image", Kind::File),
    ("image_url", Kind::File),
    ("input_image", Kind::File),
    ("video", Kind::File),
    ("video_url", Kind::File),
    ("audio", Kind::File),
    ("audio_url", Kind::File),
    ("input_audio", Kind::File),
    ("file", Kind::File),
    ("input_file", Kind::File),
    ("document", Kind::File),
    ("fileData", Kind::File),
    ("file_data", Kind::File),
];

/// Longest type of a block that a message shows.
const TYPE_MAX: usize = 24;

/// The pieces of `content`. What is left out or converted is reported.
pub(super) fn pieces<'a>(
    content: Option<Node<'a>>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<Vec<Piece<'a>>, Fault> {
    let mut pieces = Vec::new();
    match content.map(|node| node.value) {
        None | Some(Value::Null) => pieces.push(Piece::Text(Text::default())),
        Some(Value::Text(text)) => pieces.push(Piece::Text(text)),
        Some(Value::List(blocks)) if blocks.is_empty() => {
            pieces.push(Piece::Text(Text::default()));
        }
        Some(Value::List(blocks)) => {
            for block in blocks {
                match block.value {
                    Value::Text(text) => pieces.push(Piece::Text(text)),
                    Value::Object(block) => pieces.extend(piece(block, location, faults)?),
                    Value::Null => {}
                    Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                        return Err(unsupported(location));
                    }
                }
            }
        }
        // One block, not in an array.
        Some(Value::Object(block)) => pieces.extend(piece(block, location, faults)?),
        Some(other @ (Value::Bool(_) | Value::Number(_))) => {
            let expected = "a string or an array of parts";
            return Err(wrong_type(&other, expected, location));
        }
    }
    Ok(pieces)
}

/// The piece that a block is; `None` for one that is left out.
pub(super) fn piece<'a>(
    mut block: Object<'a>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<Option<Piece<'a>>, Fault> {
    let typed = block.take("type").and_then(text_of);
    // Columnar files give every block the members of all others, with `null`.
    block.members.retain(|(_, node)| node.value != Value::Null);
    let (name, kind) = match &typed {
        Some(word) => {
            let named = KINDS.iter().find(|(name, _)| *name == word.escaped());
            *named.ok_or_else(|| unknown(word, location))?
        }
        None if block.has("value") => ("text", Kind::Text),
        None => {
            let named = KINDS.iter().find(|(name, _)| block.has(name));
            *named.ok_or_else(|| unsupported(location))?
        }
    };
    Ok(Some(match kind {
        Kind::Text => Piece::Text(text(block).ok_or_else(|| unsupported(location))?),
        Kind::Reasoning => {
            left_out(name, location, faults);
            return Ok(None);
        }
        Kind::Call => {
            let call = call(unwrapped(block, name), location, faults)?;
            report("is read as a function call", name, location, faults);
            Piece::Call(call)
        }
        Kind::Answer => {
            report(
                "is read as the answer of a function",
                name,
                location,
                faults,
            );
            Piece::Answer(answer(unwrapped(block, name)))
        }
        Kind::File => Piece::File(file(unwrapped(block, name), name, location)?),
    }))
}

/// The block within a block: `{"toolUse": {…}}`.
fn unwrapped<'a>(mut block: Object<'a>, name: &str) -> Object<'a> {
    match block.take(name) {
        Some(Node {
            value: Value::Object(inner),
            ..
        }) => {
            block.members.extend(inner.members);
            block
        }
        Some(node) => {
            block.members.push((Cow::Owned(name.to_owned()), node));
            block
        }
        None => block,
    }
}

/// The text of a block like `{"type": "text", "text": …}`; some tools write it under `value`.
fn text(mut block: Object<'_>) -> Option<Text<'_>> {
    let Node { value, .. } = block.take_any(&["text", "value", "refusal", "content"])?;
    match value {
        Value::Text(text) => Some(text),
        // `{"text": {"value": …}}`, as in threads.
        Value::Object(mut text) => text.take("value").and_then(text_of),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
    }
}

/// The call in an object like `{"id": …, "name": …, "input": {…}}`, in the words of any vendor.
///
/// # Errors
/// `invalid_arguments` where it lacks a name or an object of arguments.
pub(super) fn call<'a>(
    mut object: Object<'a>,
    location: Location,
    faults: &mut Vec<Fault>,
) -> Result<FunctionCall<'a>, Fault> {
    let id = take_id(&mut object);
    // `{"id": …, "function": {"name": …, "arguments": …}}`
    if let Some(Node {
        value: Value::Object(function),
        ..
    }) = object.take("function")
    {
        object.members.extend(function.members);
    }
    let name = object
        .take_any(&["name", "tool_name", "toolName", "function_name", "function"])
        .and_then(text_of);
    let Some(name) = name.filter(|name| !name.is_blank()) else {
        let fault = Fault::new(&rules::invalid_arguments::RULE);
        let fault = fault.at(location.at).path(location);
        return Err(fault.with_message("expected a function call, found no `name`"));
    };
    let given = object.take_any(&["arguments", "input", "args", "parameters"]);
    let arguments = tools::arguments(given, location, faults)?;
    Ok(FunctionCall {
        id,
        name,
        arguments,
    })
}

/// The answer in an object like `{"tool_use_id": …, "content": …}`.
fn answer(mut object: Object<'_>) -> FunctionAnswer<'_> {
    let id = take_id(&mut object);
    let name = object.take_any(&["name", "tool_name"]).and_then(text_of);
    let keys = ["content", "output", "result", "response", "text", "value"];
    let value = object
        .take_any(&keys)
        .map_or(Value::Null, |node| node.value);
    FunctionAnswer {
        id,
        name,
        value: plain(value),
    }
}

/// An answer of a list of texts as one text, and one of a single `{"json": …}` as that.
pub(super) fn plain(value: Value<'_>) -> Value<'_> {
    let Value::List(blocks) = value else {
        return value;
    };
    if let [
        Node {
            value: Value::Object(block),
            ..
        },
    ] = blocks.as_slice()
        && let [(key, node)] = block.members.as_slice()
        && key == "json"
    {
        return node.value.clone();
    }
    let mut texts = Vec::with_capacity(blocks.len());
    for block in &blocks {
        texts.extend(match &block.value {
            Value::Text(text) => Some(text.clone()),
            Value::Object(object) if object.has("text") => text(object.clone()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => {
                None
            }
        });
    }
    if texts.len() < blocks.len() || texts.is_empty() {
        return Value::List(blocks);
    }
    Value::Text(Text::join(&texts, "\n"))
}

fn take_id<'a>(object: &mut Object<'a>) -> Option<Text<'a>> {
    let keys = [
        "call_id",
        "tool_call_id",
        "tool_use_id",
        "toolUseId",
        "toolCallId",
        "id",
    ];
    let id = object.take_any(&keys).and_then(text_of);
    id.filter(|id| !id.is_blank())
}

/// The file that a block refers to.
fn file<'a>(mut block: Object<'a>, name: &str, location: Location) -> Result<Part<'a>, Fault> {
    let mime = block.take_any(&["mime_type", "mimeType", "media_type"]);
    let uri = address(&block).and_then(|uri| media::file_part(&uri, mime.and_then(text_of)));
    uri.ok_or_else(|| {
        unsupported(location).with_message(format!(
            "the file of a content block `{name}` is not there: expected a `gs://` or `https://` \
             address with a known ending"
        ))
    })
}

/// The address of a file, under any of the keys for it, or one level below them.
pub(super) fn address<'a>(object: &Object<'a>) -> Option<Text<'a>> {
    let keys = [
        "image_url",
        "video_url",
        "audio_url",
        "file_url",
        "fileUri",
        "file_uri",
        "uri",
        "url",
        "path",
        "image",
        "video",
        "audio",
        "file",
        "source",
        "s3Location",
    ];
    keys.iter().find_map(|key| match &object.get(key)?.value {
        Value::Text(text) => Some(text.clone()),
        Value::Object(inner) => address(inner),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
    })
}

/// Reports that `name` is left out, once for each name.
pub(super) fn left_out(name: &str, location: Location, faults: &mut Vec<Fault>) {
    let message = format!("`{name}` is left out: it is not part of the answer");
    push(message, location, faults);
}

/// Reports what became of a block, once for each kind.
fn report(what: &str, name: &str, location: Location, faults: &mut Vec<Fault>) {
    push(format!("a content block `{name}` {what}"), location, faults);
}

fn push(message: String, location: Location, faults: &mut Vec<Fault>) {
    if faults.iter().all(|fault| fault.message != message) {
        let fault = Fault::new(&rules::content_block::RULE);
        let fault = fault.at(location.at).path(location);
        faults.push(fault.with_message(message));
    }
}

fn unknown(kind: &Text<'_>, location: Location) -> Fault {
    let kind = kind.escaped();
    let is_name = kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if kind.is_empty() || kind.len() > TYPE_MAX || !is_name {
        return unsupported(location);
    }
    unsupported(location).with_message(format!("content blocks of the type `{kind}` are not read"))
}

fn unsupported(location: Location) -> Fault {
    Fault::new(&rules::unsupported_content::RULE)
        .at(location.at)
        .path(location)
}

/// The text of a node, if it is a string.
pub(super) fn text_of(node: Node<'_>) -> Option<Text<'_>> {
    match node.value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => None,
    }
}
