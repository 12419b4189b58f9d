//! Rows that are records of delimiter-separated values (RFC 4180) below a header.
//!
//! Why not the `csv` crate: it accepts malformed records, silently reinterprets them, and copies
//! every cell. The engine must instead detect a misplaced quote and know the position of a cell to
//! decide whether a row is kept. Input that both accept is read identically; a property test holds
//! that.

mod cells;
mod record;
mod sniff;

use std::{borrow::Cow, io, sync::Arc};

pub(super) use self::sniff::sniff;
use self::{cells::cells, record::Record};
use super::{extent::find_end, window::Window};
use crate::{
    json::{Node, Object, Text, Value, parse},
    row_span::{RowPosition, RowSpan, RowStatus},
    rule::Fault,
    rules,
};

/// Columns whose cells may contain JSON: a cell can hold an array only this way.
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

/// The header: what the first record says about all others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The name of every column; columns without a name are skipped.
    columns: Vec<String>,
    /// The byte between two cells.
    delimiter: u8,
}

impl Header {
    /// The byte between two cells.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Reads a record as an object of the columns' names and cells.
    ///
    /// # Errors
    /// `csv_quotes`, `csv_fields`; and what [`parse`] reports for a cell that contains JSON.
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
        let message = format!("expected {expected} cells, as in the header, found {found}");
        Err(Fault::new(&rules::csv_fields::RULE).with_message(message))
    }
}

/// The JSON in a cell; any other text becomes a string, and an empty cell `null`.
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
        rules::invalid_json::fault(error)
            .with_message(message)
            .at(at)
    })?;
    if !parsed.repeats.is_empty() {
        faults.push(Fault::new(&rules::duplicate_keys::RULE).at(at));
    }
    let mut value = parsed.node.value.into_owned();
    // Quotes within a cell are doubled in the record, so offsets within the cell's JSON do not
    // match offsets in the record.
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

    /// The header of the table.
    pub(super) fn header(&self) -> Arc<Header> {
        Arc::clone(&self.header)
    }

    /// Blank lines skipped so far.
    pub(super) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// Advances to the next record, skipping blank lines.
    pub(super) fn advance(&mut self, window: &mut Window<'_>) -> io::Result<Option<RowSpan>> {
        window.settle();
        loop {
            if window.available().is_empty() && !window.fill()? {
                return Ok(None);
            }
            let line = window.line();
            let mut record = Record::new(self.header.delimiter);
            let (length, status) = find_end(window, |bytes| record.feed(bytes))?;
            // A record cut off inside a cell looks like a complete one.
            let broken = status == RowStatus::Last && window.decoder().is_broken();
            let span = RowSpan {
                position: RowPosition::of_line(line),
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
