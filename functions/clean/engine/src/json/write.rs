//! Writes JSON in one way only, so that equal values are equal bytes.

use super::{Text, Value};

/// Appends `value`: no whitespace, members in their original order, numbers digit for digit.
pub(crate) fn write(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Text(text) => write_text(text, out),
        Value::List(nodes) => {
            out.push(b'[');
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(&node.value, out);
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.push(b'{');
            for (index, (key, node)) in object.members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_key(key, out);
                out.push(b':');
                write(&node.value, out);
            }
            out.push(b'}');
        }
    }
}

/// Appends `text` in quotes.
pub(crate) fn write_text(text: &Text<'_>, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.escaped().as_bytes());
    out.push(b'"');
}

/// Appends the name of a member in quotes.
pub(crate) fn write_key(key: &str, out: &mut Vec<u8>) {
    write_text(&Text::of(key), out);
}
