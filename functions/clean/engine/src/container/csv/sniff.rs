//! Distinguishes a header from a line of text.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{Header, JSON_COLUMNS, cells::cells, record::Record};
use crate::{
    container::row_lines::{has_row, starts_with_rows},
    formats,
    json::{Node, Object, Value},
    keys::Keys,
};

/// Delimiters: commas, tabs, and semicolons as in spreadsheets of countries with decimal commas.
const DELIMITERS: &[u8] = b",\t;";

/// Longest name of a column unknown to every format, in characters; anything longer is a sentence.
const NAME_CHARS_MAX: usize = 40;

/// Most words in such a name.
const NAME_WORDS_MAX: usize = 3;

/// Columns that formats read besides their keys and those that contain JSON.
const BESIDE: &[&str] = &["system", "context", "input"];

/// The header that `prefix` begins with, and where the first record after it starts. `prefix` is
/// the whole file if `complete`; `mapped` are the columns that a recipe maps.
///
/// A first record is a header if it has all mapped names; otherwise if its names match a format;
/// otherwise if they look like names and the second record has as many cells. Reports show the
/// names of columns, so a line of text must not be mistaken for a header; a line above rows of JSON
/// never is.
pub(in crate::container) fn sniff(
    prefix: &[u8],
    complete: bool,
    mapped: &BTreeMap<String, String>,
) -> Option<(Header, usize)> {
    let is_line_break = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let start = prefix.iter().take_while(is_line_break).count();
    let read = |delimiter: &u8| read_header(prefix, start, *delimiter, complete, mapped);
    let candidates: Vec<(Header, usize)> = DELIMITERS.iter().filter_map(read).collect();
    let has_mapped = candidates
        .iter()
        .position(|(header, _)| header.has_all(mapped));
    let known = || candidates.iter().position(|(header, _)| header.is_known());
    let named = || {
        let plausible = |(header, rest): &&(Header, usize)| {
            header.looks_like_names()
                && first_cells(prefix, *rest, header.delimiter, complete)
                    .is_some_and(|(cells, _)| cells.len() == header.columns.len())
                && !has_row(prefix.get(*rest..).unwrap_or_default(), complete)
        };
        candidates
            .iter()
            .position(|candidate| plausible(&candidate))
    };
    let chosen = has_mapped.or_else(known).or_else(named)?;
    candidates.into_iter().nth(chosen)
}

fn read_header(
    prefix: &[u8],
    start: usize,
    delimiter: u8,
    complete: bool,
    mapped: &BTreeMap<String, String>,
) -> Option<(Header, usize)> {
    let (names, rest) = first_cells(prefix, start, delimiter, complete)?;
    if starts_with_rows(prefix.get(rest..)?, complete) {
        return None;
    }
    let columns = names.iter().map(|name| name.trim().to_owned());
    let mut header = Header {
        columns: columns.collect(),
        delimiter,
    };
    if mapped.is_empty() {
        header = header.in_lower_case_if_known();
    } else {
        header.spell_as(mapped);
    }
    Some((header.without_repeats(mapped)?, rest))
}

/// The cells of the record at `start`, and where the next record starts.
fn first_cells(
    prefix: &[u8],
    start: usize,
    delimiter: u8,
    complete: bool,
) -> Option<(Vec<Cow<'_, str>>, usize)> {
    let bytes = prefix.get(start..).filter(|bytes| !bytes.is_empty())?;
    let length = match Record::new(delimiter).feed(bytes) {
        Some(length) => length,
        None if complete => bytes.len(),
        None => return None,
    };
    let record = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let record = record.strip_suffix('\n').unwrap_or(record);
    let record = record.strip_suffix('\r').unwrap_or(record);
    let texts: Result<Vec<_>, _> = cells(record, delimiter)
        .map(|cell| cell.map(|(_, text)| text))
        .collect();
    Some((texts.ok()?, start + length))
}

impl Header {
    /// The header in lower case if a format matches only that way: spreadsheets capitalise names.
    fn in_lower_case_if_known(self) -> Self {
        let columns = self.columns.iter().map(|name| name.to_lowercase());
        let lower = Self {
            columns: columns.collect(),
            delimiter: self.delimiter,
        };
        if !self.is_known() && lower.is_known() {
            lower
        } else {
            self
        }
    }

    /// Spells a name as it is mapped, if exactly one differs only in case.
    fn spell_as(&mut self, mapped: &BTreeMap<String, String>) {
        for wanted in mapped.values() {
            if self.columns.contains(wanted) {
                continue;
            }
            let lower = wanted.to_lowercase();
            let columns = self.columns.iter_mut();
            let mut alike = columns.filter(|name| name.to_lowercase() == lower);
            if let (Some(name), None) = (alike.next(), alike.next()) {
                name.clone_from(wanted);
            }
        }
    }

    /// Skips columns that repeat an earlier name; `None` if a repeated one is needed, since it is
    /// ambiguous which of them is meant.
    fn without_repeats(mut self, mapped: &BTreeMap<String, String>) -> Option<Self> {
        let mut seen = BTreeSet::new();
        let given = self.columns.iter().filter(|name| !name.is_empty());
        let mut repeats = given.filter(|name| !seen.insert(*name));
        if repeats.any(|name| self.needs(name, mapped)) {
            return None;
        }
        let mut seen = BTreeSet::new();
        for name in &mut self.columns {
            if !seen.insert(name.clone()) {
                name.clear();
            }
        }
        Some(self)
    }

    /// Whether rows could not be read, or would be read differently, without the columns called
    /// `name`.
    fn needs(&self, name: &str, mapped: &BTreeMap<String, String>) -> bool {
        if !mapped.is_empty() {
            return mapped.values().any(|column| column == name);
        }
        let others = self.columns.iter().filter(|column| *column != name);
        let decides_format = || {
            let others = Self {
                columns: others.cloned().collect(),
                delimiter: self.delimiter,
            };
            self.is_known() && !others.is_known()
        };
        JSON_COLUMNS.contains(&name)
            || BESIDE.contains(&name)
            || (Keys::named(name) != Keys::NONE && decides_format())
    }

    /// Whether the recipe maps names and all of them are present.
    fn has_all(&self, mapped: &BTreeMap<String, String>) -> bool {
        !mapped.is_empty() && mapped.values().all(|column| self.columns.contains(column))
    }

    /// Whether a format matches rows with these columns.
    fn is_known(&self) -> bool {
        let member = |name: &String| {
            let node = Node {
                at: 0,
                value: Value::Null,
            };
            (Cow::Owned(name.clone()), node)
        };
        let members = self.columns.iter().map(member).collect();
        formats::detect(&Object { members }).is_ok()
    }

    /// Whether these are several names, rather than a sentence or data.
    fn looks_like_names(&self) -> bool {
        let named = self.columns.iter().filter(|name| !name.is_empty());
        named.clone().count() > 1 && named.clone().all(|name| looks_like_name(name))
    }
}

fn looks_like_name(name: &str) -> bool {
    name.chars().count() <= NAME_CHARS_MAX
        && name.split(' ').count() <= NAME_WORDS_MAX
        && name.starts_with(char::is_alphabetic)
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.'))
}
