//! What the lines below the first one show: one broken line must not make a file of rows look like
//! something else.

use memchr::memchr;

use crate::{
    brackets::BracketScanner,
    formats,
    json::{Object, Value, parse},
};

/// Whether the array or object at `at`, whose array of rows starts at `list` with its bracket, is a
/// broken line, or not a row, above lines that are rows.
pub(super) fn is_line_above_rows(prefix: &[u8], at: usize, list: usize, complete: bool) -> bool {
    let Some((line, below)) = first_line(prefix, at) else {
        return false;
    };
    if !starts_with_rows(below, complete) {
        return false;
    }
    // A string never contains a line break.
    let Some(open) = left_open(line) else {
        return true;
    };
    let depth = if list > at { 2 } else { 1 };
    let list = list.checked_sub(at).and_then(|list| line.get(list..));
    let list = list.filter(|list| !list.is_empty() && open.len() == depth);
    let list = list.filter(|list| BracketScanner::default().feed(list).is_none());
    let several = || rows(below, complete).nth(1).is_some();
    match (line.trim_ascii_end().last(), open.last(), list) {
        (Some(b'[' | b','), Some(b'['), Some(_)) => false,
        // A comma may be missing between rows.
        (_, Some(b'['), Some(list)) => !starts_with_row(list.get(1..).unwrap_or_default()),
        // One object may follow, but not two without a comma.
        (Some(b':'), ..) | (Some(b'[' | b','), Some(b'['), None) => several(),
        // No object can follow.
        _ => true,
    }
}

/// The brackets that `line` leaves open, outermost first; `None` if it ends within a string.
fn left_open(line: &[u8]) -> Option<Vec<u8>> {
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        match byte {
            b'"' => {
                at += BracketScanner::default().feed(line.get(at..)?)?;
                continue;
            }
            b'[' | b'{' => open.push(byte),
            b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    Some(open)
}

/// Whether the array at `at` is one of many arrays, one per line, none of them of rows.
pub(super) fn is_line_above_lists(prefix: &[u8], at: usize) -> bool {
    first_line(prefix, at).is_some_and(|(line, below)| {
        BracketScanner::default().feed(line).is_some()
            && below.trim_ascii_start().starts_with(b"[")
            && !starts_with_row(line.get(1..).unwrap_or_default())
    })
}

/// Whether `bytes` start with lines that are objects: at least one of the lines that look like it
/// is.
pub(super) fn starts_with_rows(bytes: &[u8], complete: bool) -> bool {
    rows(bytes, complete).next().is_some()
}

/// Whether any line is a row of JSON that a format accepts.
pub(super) fn has_row(bytes: &[u8], complete: bool) -> bool {
    whole_lines(bytes, complete).any(|line| line.starts_with(b"{") && starts_with_row(line))
}

/// Whether the first object of `bytes` is a row in a known format.
pub(super) fn starts_with_row(bytes: &[u8]) -> bool {
    let length = BracketScanner::default().feed(bytes).unwrap_or_default();
    let object = read_object(bytes.get(..length).unwrap_or_default());
    object.is_some_and(|object| formats::detect(&object).is_ok())
}

/// The object in `bytes`, if that is what they are.
fn read_object(bytes: &[u8]) -> Option<Object<'_>> {
    let parsed = parse(std::str::from_utf8(bytes).ok()?).ok()?;
    match parsed.node.value {
        Value::Object(object) => Some(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    }
}

/// The objects among the lines at the start of `bytes` that look like objects.
fn rows(bytes: &[u8], complete: bool) -> impl Iterator<Item = Object<'_>> {
    let lines = whole_lines(bytes, complete);
    let seeming = lines.take_while(|line| line.starts_with(b"{"));
    seeming.filter_map(read_object)
}

/// The lines that are not blank, trimmed; the last line is included if `complete`.
fn whole_lines(bytes: &[u8], complete: bool) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter(move |line| complete || line.ends_with(b"\n"));
    let lines = whole.map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty())
}

/// The line from `at` on, and the text below it.
fn first_line(prefix: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let rest = prefix.get(at..)?;
    let (line, below) = rest.split_at_checked(memchr(b'\n', rest)?)?;
    Some((line, below.get(1..)?))
}
