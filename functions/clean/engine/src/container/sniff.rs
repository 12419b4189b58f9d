//! Recognises a dataset's container from its first bytes, or what the file is instead.

use std::collections::BTreeMap;

use super::{
    csv::{self, Header},
    parquet,
    row_lines::{is_line_above_lists, is_line_above_rows, starts_with_row, starts_with_rows},
};
use crate::{
    brackets::BracketScanner,
    json::parse,
    schema::{self, Meaning},
};

/// Bytes examined: enough to reach the rows of an object that starts with a licence text.
pub(super) const PREFIX_BYTES: usize = 64 << 10;

/// Members whose arrays are the turns of one row, never the rows of a dataset.
const ROW_LISTS: &[&str] = &[
    "messages",
    "conversations",
    "contents",
    "history",
    "tools",
    "functions",
    "parts",
];

/// First bytes of files that are often uploaded by mistake.
const MAGIC: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    // Only one level of compression is removed.
    (b"\x1f\x8b", "gzip inside a compressed file"),
    (b"\x28\xb5\x2f\xfd", "zstd inside a compressed file"),
    (b"BZh", "bzip2; gzip and zstd are read"),
    (b"\xfd7zXZ\0", "xz; gzip and zstd are read"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"%PDF", "PDF"),
    (b"PARE", "encrypted Parquet"),
    (b"ARROW1", "Arrow"),
    (b"Obj\x01", "Avro"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the file",
    ),
];

/// Name of the first file within a modern Office document, which is a zip archive.
const OFFICE: &[u8] = b"[Content_Types].xml";

/// Offset of the first file name in a zip archive.
const ZIP_NAME_AT: usize = 30;

/// Offset of the signature in a tar archive.
const TAR_AT: usize = 257;

/// A dataset's container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    Empty,
    Unreadable(&'static str),
    Parquet,
    Lines,
    /// Records start at this offset, below the header.
    Csv {
        header: Header,
        start: usize,
    },
    /// Objects follow each other, each over any number of lines; the first starts at this offset.
    Values {
        start: usize,
    },
    /// Rows start at this offset, after the opening bracket.
    Array {
        start: usize,
    },
    /// Rows start at this offset, after the opening bracket of the member called `key`.
    Wrapped {
        key: String,
        start: usize,
    },
}

/// Decides by `prefix`, which is the whole file if `complete`, and by the columns that a recipe
/// maps.
pub(super) fn sniff(prefix: &[u8], complete: bool, mapped: &BTreeMap<String, String>) -> Sniffed {
    if prefix.starts_with(parquet::MAGIC) {
        return Sniffed::Parquet;
    }
    if prefix.starts_with(b"PK\x03\x04")
        && prefix
            .get(ZIP_NAME_AT..)
            .is_some_and(|rest| rest.starts_with(OFFICE))
    {
        return Sniffed::Unreadable("an Office document: save a sheet as CSV");
    }
    for (magic, what) in MAGIC {
        if prefix.starts_with(magic) {
            return Sniffed::Unreadable(what);
        }
    }
    if prefix
        .get(TAR_AT..)
        .is_some_and(|rest| rest.starts_with(b"ustar"))
    {
        return Sniffed::Unreadable("a tar archive");
    }
    let Some((at, first)) = next_byte(prefix, 0) else {
        return if complete {
            Sniffed::Empty
        } else {
            Sniffed::Lines
        };
    };
    let rest = prefix.get(at..).unwrap_or_default();
    if first == b'<'
        && ["<!doctype", "<html", "<?xml"]
            .iter()
            .any(|tag| starts(rest, tag))
    {
        return Sniffed::Unreadable("a web page (HTML)");
    }
    match first {
        b'[' if is_array(prefix, at, complete) => Sniffed::Array { start: at + 1 },
        b'[' => Sniffed::Lines,
        b'{' => match rows_in_object(prefix, at, complete) {
            Some(List { key, start }) => Sniffed::Wrapped { key, start },
            None if are_values(prefix, at, complete) => Sniffed::Values { start: at },
            None => Sniffed::Lines,
        },
        _ if prefix.contains(&0) => Sniffed::Unreadable("binary data"),
        _ => match csv::sniff(prefix, complete, mapped) {
            Some((header, start)) => Sniffed::Csv { header, start },
            None => Sniffed::Lines,
        },
    }
}

/// Whether the object at `at` is one of several that are not lines: it spans several lines itself, or
/// a comma follows it.
fn are_values(prefix: &[u8], at: usize, complete: bool) -> bool {
    let object = prefix.get(at..).unwrap_or_default();
    let Some(length) = BracketScanner::default().feed(object) else {
        // Longer than the prefix. Of a broken line, the lines below are rows of their own.
        let first = object
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        return object.contains(&b'\n')
            && first.trim_ascii() == b"{"
            && !starts_with_rows(object.get(first.len()..).unwrap_or_default(), complete);
    };
    let (inside, after) = object.split_at_checked(length).unwrap_or_default();
    if after.trim_ascii_start().starts_with(b",") {
        return true;
    }
    let is_whole = std::str::from_utf8(inside).is_ok_and(|text| parse(text).is_ok());
    inside.contains(&b'\n') && is_whole
}

/// What a text without any JSON may be, by its first line.
pub(crate) fn guess_text(first: &[u8]) -> &'static str {
    if matches!(next_byte(first, 0), Some((_, b'{' | b'['))) {
        "JSON, but not one object on each line"
    } else if first.contains(&b'\t') {
        "tab-separated values"
    } else if first.contains(&b',') {
        "comma-separated values"
    } else {
        "plain text"
    }
}

/// Whether the bracket at `at` opens an array of rows, rather than a line.
fn is_array(prefix: &[u8], at: usize, complete: bool) -> bool {
    // `[INST] …` is a line of text.
    let opens = matches!(
        next_byte(prefix, at + 1),
        Some((_, b'{' | b'[' | b']' | b'"')) | None
    );
    opens && !is_line_above_rows(prefix, at, at, complete) && !is_line_above_lists(prefix, at)
}

/// Whether the object that `prefix` starts with may be a dictionary of columns, splits or rows, which
/// only the whole file can tell.
pub(super) fn may_be_whole(prefix: &[u8]) -> bool {
    let Some((at, b'{')) = next_byte(prefix, 0) else {
        return false;
    };
    let Some((key_at, b'"')) = next_byte(prefix, at + 1) else {
        return false;
    };
    let key = prefix.get(key_at..).unwrap_or_default();
    let Some(length) = BracketScanner::default().feed(key) else {
        return false;
    };
    let Some((colon, b':')) = next_byte(prefix, key_at + length) else {
        return false;
    };
    let key = key.get(1..length.saturating_sub(1)).unwrap_or_default();
    let column = std::str::from_utf8(key).ok().and_then(schema::column);
    let is_of_row = match column {
        None => ROW_LISTS.iter().any(|list| list.as_bytes() == key),
        Some(column) => {
            let many = matches!(column.meaning, Meaning::Background | Meaning::Files);
            many || ROW_LISTS.contains(&column.name) || column.name == "system"
        }
    };
    !is_of_row && matches!(next_byte(prefix, colon + 1), Some((_, b'[' | b'{')))
}

/// An array of objects that is a member of an object.
struct List {
    key: String,
    /// Where its first element starts.
    start: usize,
}

/// The array of rows, if the object at `at` wraps rows and is not itself a row.
fn rows_in_object(prefix: &[u8], at: usize, complete: bool) -> Option<List> {
    let list = list_of_rows(prefix, at + 1)?;
    if is_line_above_rows(prefix, at, list.start - 1, complete) {
        return None;
    }
    let has_rows = starts_with_row(prefix.get(list.start..)?);
    let object = prefix.get(at..).unwrap_or_default();
    let Some(length) = BracketScanner::default().feed(object) else {
        // Longer than the prefix: a file on one line, or a long first row.
        return (object.contains(&b'\n') || has_rows).then_some(list);
    };
    let (inside, after) = object.split_at_checked(length)?;
    let several_lines = inside.contains(&b'\n');
    let alone = after.iter().all(u8::is_ascii_whitespace)
        && (has_rows || (complete && !starts_with_row(inside)));
    (several_lines || alone).then_some(list)
}

/// Of the arrays of objects in the object whose members start at `at`, the first that starts with a
/// row; otherwise the first one, whose rows may be in an unknown format or too long for the prefix.
fn list_of_rows(prefix: &[u8], mut at: usize) -> Option<List> {
    let mut first = None;
    while let Some(list) = next_list(prefix, &mut at) {
        if starts_with_row(prefix.get(list.start..)?) {
            return Some(list);
        }
        first = first.or(Some(list));
    }
    first
}

/// The next array of objects among the members from `at` on; moves `at` behind it.
fn next_list(prefix: &[u8], at: &mut usize) -> Option<List> {
    loop {
        let (key_at, quote) = next_byte(prefix, *at)?;
        if quote == b',' {
            *at = key_at + 1;
            continue;
        }
        if quote != b'"' {
            return None;
        }
        let key_end = key_at + BracketScanner::default().feed(prefix.get(key_at..)?)?;
        let key = prefix.get(key_at + 1..key_end.checked_sub(1)?)?;
        let (colon_at, colon) = next_byte(prefix, key_end)?;
        if colon != b':' {
            return None;
        }
        let (value_at, value) = next_byte(prefix, colon_at + 1)?;
        let rest = prefix.get(value_at..)?;
        let length = match value {
            b'{' | b'[' | b'"' => BracketScanner::default().feed(rest),
            _ => rest.iter().position(|byte| matches!(byte, b',' | b'}')),
        };
        *at = length.map_or(prefix.len(), |length| value_at + length);
        // A name of a split is one of the few columns that can hold all rows.
        let is_of_row = std::str::from_utf8(key).ok().and_then(schema::column);
        if value == b'['
            && is_of_row.is_none_or(|column| column.meaning == Meaning::Directive)
            && !ROW_LISTS.iter().any(|list| list.as_bytes() == key)
            && let Some((_, b'{')) = next_byte(prefix, value_at + 1)
        {
            return Some(List {
                key: String::from_utf8_lossy(key).into_owned(),
                start: value_at + 1,
            });
        }
    }
}

/// The first byte from `at` on that is not whitespace, and its offset.
fn next_byte(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let rest = bytes.get(at..)?;
    let blank = rest
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    Some((at + blank, *rest.get(blank)?))
}

fn starts(bytes: &[u8], tag: &str) -> bool {
    bytes
        .get(..tag.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
}
