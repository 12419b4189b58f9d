//! Rows that are elements of one array, read element by element.

use std::io;

use super::{extent::find_end, window::Window};
use crate::{
    batch::BYTE_ORDER_MARK,
    brackets::BracketScanner,
    key_names::name_keys,
    row_span::{RowNumbers, RowPosition, RowSpan, RowStatus},
    rule::Fault,
    rules,
};

/// The state of reading an array.
///
/// Lenient about commas: a missing or doubled one loses no row. Everything within an element is
/// checked strictly, later, by the parser. Consecutive arrays, as in concatenated files, are read
/// as one.
#[derive(Debug, Default)]
pub(super) struct Array {
    /// The key of the array, if it is a member of an object.
    key: Option<String>,
    closed: bool,
    /// Elements so far.
    elements: u64,
    /// Whether there is no array: the elements follow each other up to the end of the file.
    bare: bool,
}

impl Array {
    /// An array that is the member of an object called `key`.
    pub(super) fn within_object(key: String) -> Self {
        Self {
            key: Some(key),
            ..Self::default()
        }
    }

    /// Values that follow each other without an array around them.
    pub(super) fn bare() -> Self {
        Self {
            bare: true,
            ..Self::default()
        }
    }

    /// How its elements are found.
    pub(super) fn numbers(&self) -> RowNumbers {
        if self.bare {
            return RowNumbers::Row;
        }
        let key = self.key.clone();
        RowNumbers::Element { key }
    }

    /// Advances to the next element.
    pub(super) fn advance(&mut self, window: &mut Window<'_>) -> io::Result<Option<RowSpan>> {
        window.settle();
        if self.closed {
            return Ok(None);
        }
        let Some(first) = self.next_element(window)? else {
            return Ok(None);
        };
        let (line, column) = (window.line(), window.column());
        let (length, status) = match first {
            b'{' | b'[' | b'"' => {
                let mut brackets = BracketScanner::default();
                find_end(window, |bytes| brackets.feed(bytes))?
            }
            _ => find_end(window, scalar_end)?,
        };
        // An unmatched closing brace would end a scalar before its first byte.
        let length = if status == RowStatus::Whole {
            length.max(1)
        } else {
            length
        };
        if status != RowStatus::TooLong {
            let length = usize::try_from(length).unwrap_or_default();
            window.hold(length, length);
        }
        self.elements += 1;
        Ok(Some(RowSpan {
            position: RowPosition::of_row(self.elements, line),
            column,
            length,
            status,
        }))
    }

    /// Advances to the start of the next element; returns its first byte.
    fn next_element(&mut self, window: &mut Window<'_>) -> io::Result<Option<u8>> {
        // Joined files have a mark at the start of each.
        let between = |byte: &u8| {
            byte.is_ascii_whitespace() || *byte == b',' || BYTE_ORDER_MARK.contains(byte)
        };
        loop {
            let first = skip(window, between)?;
            if first != Some(b']') {
                return Ok(first);
            }
            window.consume(1);
            if self.bare {
                continue;
            }
            let next = skip(window, u8::is_ascii_whitespace)?;
            self.closed = self.key.is_some() || next != Some(b'[');
            if self.closed {
                return Ok(None);
            }
            window.consume(1);
        }
    }

    /// Checks what follows the array.
    pub(super) fn finish(&mut self, window: &mut Window<'_>) -> io::Result<Option<(u64, Fault)>> {
        window.settle();
        if self.bare {
            return Ok(None);
        }
        if !self.closed {
            let fault = Fault::new(&rules::truncated_file::RULE);
            return Ok(Some((window.line(), fault)));
        }
        let mut next = skip(window, u8::is_ascii_whitespace)?;
        if self.key.is_some() && next == Some(b'}') {
            window.consume(1);
            next = skip(window, u8::is_ascii_whitespace)?;
        }
        Ok(next.map(|_| (window.line(), self.unread())))
    }

    /// The fault for text after the array.
    fn unread(&self) -> Fault {
        let fault = Fault::new(&rules::unread_text::RULE);
        let Some(key) = &self.key else {
            return fault;
        };
        let named = name_keys([key.as_str()].into_iter());
        fault.with_message(format!(
            "the rows were read from {named}; the text after it was not read"
        ))
    }
}

/// Consumes bytes while `blank` holds; the first byte for which it does not stays.
fn skip(window: &mut Window<'_>, blank: impl Fn(&u8) -> bool) -> io::Result<Option<u8>> {
    loop {
        let available = window.available();
        let count = available.iter().take_while(|byte| blank(byte)).count();
        let first = available.get(count).copied();
        window.consume(count);
        if first.is_some() || !window.fill()? {
            return Ok(first);
        }
    }
}

/// A scalar ends before a comma, a bracket or whitespace.
fn scalar_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| {
        byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}' | b'{' | b'[')
    })
}
