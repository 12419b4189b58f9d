//! Rows that are records of delimiter-separated values (RFC 4180) below a header.
//!
//! Why not the `csv` crate: it reads whatever it can, each in its own way, and copies every cell. A
//! row's fate hangs on what it does not tell: a quote in the wrong place, the place of a cell. What
//! both take reads the same here and there; a property test holds that.

mod cells;
mod record;
mod sniff;

use std::{borrow::Cow, io, sync::Arc};

pub(super) use self::sniff::sniff;
use self::{cells::cells, record::Record};
use super::{extent::find_end, window::Window};
use crate::{
    json::{Node, Object, Text, Value, parse},
    row_span::{RowSpan, RowStatus},
    rule::Fault,
    rules,
};

/// Columns whose cells hold JSON, where they hold any: a cell has no other way to be a list.
const JSON_COLUMNS: &[&str] = &[
    "messages",
    "conversations",
    "contents",
    "history",
    "tools",
    "functions",
    "systemInstruction",
    "system_instruction",
    "toolConfig",
    "tool_config",
    "generationConfig",
    "generation_config",
];

/// What the first record says of all others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The name of every column; those without one are passed over.
    columns: Vec<String>,
    /// The byte between two cells.
    delimiter: u8,
}

impl Header {
    /// The byte between two cells.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Reads a record as an object: the columns' names, and texts.
    ///
    /// # Errors
    /// `csv_quotes`, `csv_fields`; what [`parse`] says of a cell that holds JSON.
    pub(crate) fn read<'a>(
        &self,
        record: &'a str,
        faults: &mut Vec<Fault>,
    ) -> Result<Object<'a>, Fault> {
        let mut object = Object::default();
        let mut columns = self.columns.iter();
        let mut found = 0;
        for cell in cells(record, self.delimiter) {
            let (at, text) = cell?;
            found += 1;
            let Some(name) = columns.next().filter(|name| !name.is_empty()) else {
                continue;
            };
            let value = if JSON_COLUMNS.contains(&name.as_str()) {
                read_json(name, &text, at, faults)?
            } else {
                Value::Text(Text::of(&text))
            };
            let node = Node { at, value };
            object.members.push((Cow::Owned(name.clone()), node));
        }
        let expected = self.columns.len();
        if found == expected {
            return Ok(object);
        }
        let message = format!("the header names {expected} columns, the record has {found} cells");
        Err(Fault::new(&rules::csv_fields::RULE).saying(message))
    }
}

/// The JSON in a cell; other text stays text, and an empty cell is nothing.
fn read_json(
    column: &str,
    cell: &str,
    at: u32,
    faults: &mut Vec<Fault>,
) -> Result<Value<'static>, Fault> {
    match cell.trim_start().bytes().next() {
        None => return Ok(Value::Null),
        Some(b'[' | b'{') => {}
        Some(_) => return Ok(Value::Text(Text::of(cell))),
    }
    let parsed = parse(cell).map_err(|error| {
        let message = format!("in the cell `{column}`: {}", error.message);
        rules::invalid_json::fault(error).saying(message).at(at)
    })?;
    if !parsed.repeats.is_empty() {
        faults.push(Fault::new(&rules::duplicate_keys::RULE).at(at));
    }
    let mut value = parsed.node.value.into_owned();
    // Quotes within a cell are doubled in the record: places within it are none of the record.
    value.move_to(at);
    Ok(value)
}

/// The records below a header.
pub(super) struct CsvReader {
    header: Arc<Header>,
    blank_lines: u64,
}

impl CsvReader {
    pub(super) fn new(header: Header) -> Self {
        Self {
            header: Arc::new(header),
            blank_lines: 0,
        }
    }

    /// What the first record says of all others.
    pub(super) fn header(&self) -> Arc<Header> {
        Arc::clone(&self.header)
    }

    /// Blank lines passed over so far.
    pub(super) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// Goes to the next record that is not a blank line.
    pub(super) fn advance(&mut self, window: &mut Window<'_>) -> io::Result<Option<RowSpan>> {
        window.settle();
        loop {
            if window.available().is_empty() && !window.fill()? {
                return Ok(None);
            }
            let line = window.line();
            let mut record = Record::new(self.header.delimiter);
            let (length, status) = find_end(window, |bytes| record.feed(bytes))?;
            // Half a sentence looks like a whole one.
            let broken = status == RowStatus::Last && window.decoder().is_broken();
            let span = RowSpan {
                line,
                column: 1,
                length,
                status: if broken { RowStatus::Cut } else { status },
            };
            if status == RowStatus::TooLong {
                return Ok(Some(span));
            }
            let whole = usize::try_from(length).unwrap_or_default();
            let bytes = window.available().get(..whole).unwrap_or_default();
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            if bytes.iter().all(|byte| *byte == b' ') {
                self.blank_lines += 1;
                window.consume(whole);
                continue;
            }
            let row = bytes.len();
            window.hold(row, whole);
            return Ok(Some(span));
        }
    }
}

#[cfg(test)]
mod tests;
