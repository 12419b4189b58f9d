//! Finds the end of a record by its quotes and line breaks alone.

use memchr::{memchr, memchr2};

/// The state after the bytes fed so far.
#[derive(Debug)]
pub(super) struct Record {
    delimiter: u8,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first byte of a cell.
    Start,
    /// In an unquoted cell.
    Plain,
    /// In a quoted cell.
    Quoted,
    /// After a quote within a quoted cell: the end of the cell, or the first half of a doubled
    /// quote.
    Closed,
}

impl Record {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::Start,
        }
    }

    /// Takes the next bytes; returns the offset after the record's line break, if it is among them.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.state {
                State::Quoted => {
                    at += memchr(b'"', rest)? + 1;
                    self.state = State::Closed;
                    continue;
                }
                State::Plain => {
                    at += memchr2(b'\n', self.delimiter, rest)?;
                    self.state = State::Start;
                    let end = bytes.get(at) == Some(&b'\n');
                    at += 1;
                    if end {
                        return Some(at);
                    }
                    continue;
                }
                State::Start | State::Closed => at += 1,
            }
            self.state = match byte {
                b'\n' => return Some(at),
                b'"' => State::Quoted,
                _ if byte == self.delimiter => State::Start,
                _ => State::Plain,
            };
        }
        None
    }
}
