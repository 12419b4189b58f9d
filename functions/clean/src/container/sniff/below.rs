//! What the lines below the first tell: one broken line must not make a file of rows look like
//! something else.

use memchr::memchr;

use super::{Nest, read_object, starts_with_row};
use crate::json::Object;

/// Whether the array or object at `at`, whose list of rows starts at `list` with its bracket, is a
/// line that is broken, or no row, above lines that are rows.
pub(super) fn is_line_above_rows(prefix: &[u8], at: usize, list: usize, complete: bool) -> bool {
    let Some((line, below)) = first_line(prefix, at) else {
        return false;
    };
    if !starts_with_rows(below, complete) {
        return false;
    }
    let list = list.checked_sub(at).and_then(|list| line.get(list..));
    let is_open = list.is_some_and(|list| !list.is_empty() && Nest::default().feed(list).is_none());
    match line.trim_ascii_end().last() {
        // One object may follow, and not two.
        Some(b':') => rows(below, complete).nth(1).is_some(),
        Some(b'[' | b',') if is_open => false,
        // A comma may be missing between rows.
        _ if is_open => !starts_with_row(list.and_then(|list| list.get(1..)).unwrap_or_default()),
        // Within an object, or after an array, no other object can follow.
        _ => true,
    }
}

/// Whether the array at `at` is one of many lists, one on each line, and none of them of rows.
pub(super) fn is_line_above_lists(prefix: &[u8], at: usize) -> bool {
    first_line(prefix, at).is_some_and(|(line, below)| {
        Nest::default().feed(line).is_some()
            && below.trim_ascii_start().starts_with(b"[")
            && !starts_with_row(line.get(1..).unwrap_or_default())
    })
}

/// Whether `bytes` start with lines that are objects: at least one of those that look like it is.
pub(in crate::container) fn starts_with_rows(bytes: &[u8], complete: bool) -> bool {
    rows(bytes, complete).next().is_some()
}

/// The objects among the lines at the start of `bytes` that look like objects.
fn rows(bytes: &[u8], complete: bool) -> impl Iterator<Item = Object<'_>> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter(move |line| complete || line.ends_with(b"\n"));
    whole
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take_while(|line| line.starts_with(b"{"))
        .filter_map(read_object)
}

/// The line from `at` on, and what is below it.
fn first_line(prefix: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let rest = prefix.get(at..)?;
    let (line, below) = rest.split_at_checked(memchr(b'\n', rest)?)?;
    Some((line, below.get(1..)?))
}
