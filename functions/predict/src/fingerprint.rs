//! The name under which an answer is remembered: a digest of everything that can change it.
//!
//! Two requests have one fingerprint if the model cannot tell them apart. The whole body counts (contents, system instruction,
//! generation settings, tools, safety settings, and what Google will yet add), except `labels`, which only name who pays.
//!
//! - Keys may come in any order, and white space between tokens vanishes, as JSON has it.
//! - Inside strings nothing is folded but line ends (CR LF counts as LF): any other white space may change the answer.
//! - proto-JSON's second spelling of a field (`system_instruction`) counts as the first. Keys inside arguments and schemas
//!   (`args`, `response`, `parameters` and the like) are the user's own, and are left alone.
//! - `1.0` and `1` are one number.

use std::fmt::{self, Write};

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Changes with the rules above, so that answers remembered under the old ones are not found under the new.
const SCHEME: u64 = 1;

/// A SHA-256 digest in 64 hexadecimal digits. Shows nothing of the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// Why an answer to this request must not be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCacheable {
    /// No object, so no request.
    #[error("the request is not a JSON object")]
    NotARequest,
    /// The caller wants a fresh answer each time: the temperature is above 0 (as it is if none is given, where Gemini takes 1)
    /// and there is no seed. Whoever gives a seed asks for the same answer again.
    #[error("temperature above 0 without a seed")]
    Random,
    /// A tool other than functions of the caller's own (search, maps, a URL, code) brings in what no digest sees.
    #[error("a tool that looks at the world")]
    Tool,
    /// A file is given by its address, and what lies there may change.
    #[error("a file given by its address")]
    File,
}

impl Fingerprint {
    /// The fingerprint of a `GenerateContentRequest` to that version of the model, by that version of the route. A promotion
    /// or rollback raises the route's version, and so forgets every answer at once.
    pub fn of(
        request: &Value,
        model_version: &str,
        route_version: u64,
    ) -> Result<Self, NotCacheable> {
        let request = request.as_object().ok_or(NotCacheable::NotARequest)?;
        if is_random(request) {
            return Err(NotCacheable::Random);
        }
        if uses_the_world(request) {
            return Err(NotCacheable::Tool);
        }
        if names_a_file(request.get("contents"), FILE_DEPTH_MAX)
            || names_a_file(field(request, "systemInstruction"), FILE_DEPTH_MAX)
        {
            return Err(NotCacheable::File);
        }
        let mut text = String::new();
        write_array(
            &mut text,
            [
                &Value::from(SCHEME),
                &Value::from(model_version),
                &Value::from(route_version),
            ],
            KeyOwner::Ours,
        );
        write_object(
            &mut text,
            request.iter().filter(|(key, _)| key.as_str() != "labels"),
            KeyOwner::Ours,
        );
        Ok(Self(HEXLOWER.encode(&Sha256::digest(text.as_bytes()))))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field by its name, in either spelling.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(key, _)| camel(key) == name)
            .map(|(_, value)| value)
    })
}

fn is_random(request: &Map<String, Value>) -> bool {
    let settings = field(request, "generationConfig").and_then(Value::as_object);
    let number = |name| settings.and_then(|settings| field(settings, name)?.as_f64());
    number("seed").is_none() && number("temperature").is_none_or(|temperature| temperature > 0.0)
}

fn uses_the_world(request: &Map<String, Value>) -> bool {
    let tools = request.get("tools").and_then(Value::as_array);
    tools.into_iter().flatten().any(|tool| {
        tool.as_object()
            .is_none_or(|tool| tool.keys().any(|key| camel(key) != "functionDeclarations"))
    })
}

/// Contents, turn, parts, part: files are named no deeper, and a key `fileData` in somebody's arguments is no file.
const FILE_DEPTH_MAX: u32 = 4;

fn names_a_file(value: Option<&Value>, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match value {
        Some(Value::Array(items)) => items.iter().any(|item| names_a_file(Some(item), depth)),
        Some(Value::Object(fields)) => {
            field(fields, "fileData").is_some() || names_a_file(fields.get("parts"), depth)
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    }
}

/// Whose keys an object has.
#[derive(Clone, Copy)]
enum KeyOwner {
    /// Google's, in one of two spellings.
    Ours,
    /// Of the caller: as they stand.
    Theirs,
}

/// Fields whose value is a `Struct` or a map: what is inside is named by the caller.
const FREE: [&str; 7] = [
    "args",
    "parameters",
    "parametersJsonSchema",
    "properties",
    "response",
    "responseJsonSchema",
    "responseSchema",
];

/// Canonical JSON: sorted keys, no white space. Recursion is as deep as the parser let the request be, at most 128.
fn write(text: &mut String, value: &Value, keys: KeyOwner) {
    match value {
        Value::Object(fields) => write_object(text, fields.iter(), keys),
        Value::Array(items) => write_array(text, items, keys),
        Value::String(string) => write_string(text, string),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if is_small_integer(float) => push(text, format_args!("{float:.0}")),
            Some(_) | None => push(text, format_args!("{number}")),
        },
        Value::Null | Value::Bool(_) => push(text, format_args!("{value}")),
    }
}

fn write_object<'a>(
    text: &mut String,
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
    keys: KeyOwner,
) {
    let mut fields: Vec<(String, &Value)> = fields
        .map(|(key, value)| match keys {
            KeyOwner::Ours => (camel(key), value),
            KeyOwner::Theirs => (key.clone(), value),
        })
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    text.push('{');
    for (key, value) in fields {
        let inside = if FREE.contains(&key.as_str()) {
            KeyOwner::Theirs
        } else {
            keys
        };
        write_string(text, &key);
        text.push(':');
        write(text, value, inside);
        text.push(',');
    }
    text.push('}');
}

fn write_array<'a>(text: &mut String, items: impl IntoIterator<Item = &'a Value>, keys: KeyOwner) {
    text.push('[');
    for item in items {
        write(text, item, keys);
        text.push(',');
    }
    text.push(']');
}

/// Escaped by `serde_json`, so that no string can pass for the structure around it.
fn write_string(text: &mut String, string: &str) {
    push(
        text,
        format_args!("{}", Value::from(string.replace("\r\n", "\n"))),
    );
}

fn push(text: &mut String, what: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    text.write_fmt(what).unwrap_or_default();
}

/// Integers that a float holds exactly. −0 is none, being no integer's spelling.
fn is_small_integer(float: f64) -> bool {
    float.fract().abs() < f64::MIN_POSITIVE
        && float.abs() < 9e15
        && !(float.is_sign_negative() && float > -1.0)
}

/// `system_instruction` as `systemInstruction`.
fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

#[cfg(test)]
mod tests;
