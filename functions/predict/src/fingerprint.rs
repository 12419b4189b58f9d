//! The cache key of an answer: a digest of everything that can change it.
//!
//! Two requests have the same fingerprint if they are the same to the model. The whole body counts (contents, system
//! instruction, generation settings, tools, safety settings, and whatever Google adds later), except `labels`, which are for
//! billing only.
//!
//! - The order of keys and the whitespace between tokens do not count, as in JSON itself.
//! - Inside strings only line ends are normalised (CR LF to LF): any other whitespace may change the answer.
//! - The second spelling of a field in proto-JSON (`system_instruction`) equals the first. Keys inside arguments and schemas
//!   (`args`, `response`, `parameters` and the like) are the caller's own and are not changed.
//! - `1.0` and `1` are the same number.

use std::fmt::{self, Write};

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Changes with the rules above, so that answers cached under the old rules are not found under the new ones.
const SCHEME: u64 = 1;

/// A SHA-256 digest in 64 hexadecimal digits. Reveals nothing of the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// Why the answer to a request must not be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCacheable {
    /// Not an object, so not a request.
    #[error("the request is not a JSON object")]
    NotARequest,
    /// The caller wants a fresh answer each time: the temperature is above 0 (Gemini's default is 1) and there is no seed. A
    /// caller that sets a seed asks for the same answer again.
    #[error("temperature above 0 without a seed")]
    Random,
    /// A tool other than the caller's own functions (search, maps, a URL, code) brings in data that is not in the digest.
    #[error("a tool that reads external data")]
    Tool,
    /// A file is given by its URI, and its content may change.
    #[error("a file given by its URI")]
    File,
}

impl Fingerprint {
    /// The fingerprint of a `GenerateContentRequest` to that version of the model, by that version of the route. A promotion
    /// or rollback raises the version of the route, and so invalidates every cached answer at once.
    pub fn of(
        request: &Value,
        model_version: &str,
        route_version: u64,
    ) -> Result<Self, NotCacheable> {
        let request = request.as_object().ok_or(NotCacheable::NotARequest)?;
        if is_random(request) {
            return Err(NotCacheable::Random);
        }
        if uses_external_data(request) {
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
            KeyOwner::Google,
        );
        write_object(
            &mut text,
            request.iter().filter(|(key, _)| key.as_str() != "labels"),
            KeyOwner::Google,
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

fn uses_external_data(request: &Map<String, Value>) -> bool {
    let tools = request.get("tools").and_then(Value::as_array);
    tools.into_iter().flatten().any(|tool| {
        tool.as_object()
            .is_none_or(|tool| tool.keys().any(|key| camel(key) != "functionDeclarations"))
    })
}

/// Contents, turn, parts, part: files are named no deeper, and a key `fileData` in the caller's arguments is not a file.
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

/// Who chose the keys of an object.
#[derive(Clone, Copy)]
enum KeyOwner {
    /// Google: keys have one of two spellings.
    Google,
    /// The caller: keys are kept as they are.
    Caller,
}

/// Fields whose value is a `Struct` or a map: the caller chose the keys inside.
const CALLER_KEYED: [&str; 7] = [
    "args",
    "parameters",
    "parametersJsonSchema",
    "properties",
    "response",
    "responseJsonSchema",
    "responseSchema",
];

/// Canonical JSON: sorted keys, no whitespace. Recursion is bounded by the parser, which refuses more than 128 levels.
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
            KeyOwner::Google => (camel(key), value),
            KeyOwner::Caller => (key.clone(), value),
        })
        .collect();
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    text.push('{');
    for (key, value) in fields {
        let inside = if CALLER_KEYED.contains(&key.as_str()) {
            KeyOwner::Caller
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

/// Escaped by `serde_json`, so that no string can imitate the structure around it.
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

/// Whether a float is an integer that it holds exactly. −0 is excluded, because integers have no −0.
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
