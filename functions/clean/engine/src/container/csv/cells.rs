//! Splits a record into cells.

use std::borrow::Cow;

use memchr::memchr;

use crate::{rule::Fault, rules};

/// The cells of `record`, each with its byte offset; at least one, unless the quoting is wrong.
pub(super) fn cells(record: &str, delimiter: u8) -> Cells<'_> {
    Cells {
        record,
        delimiter,
        next: Some(0),
    }
}

/// Iterates over the cells of a record.
pub(super) struct Cells<'a> {
    record: &'a str,
    delimiter: u8,
    /// Where the next cell starts, if there is one.
    next: Option<usize>,
}

impl<'a> Iterator for Cells<'a> {
    type Item = Result<(u32, Cow<'a, str>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let rest = self.record.get(start..).unwrap_or_default();
        let (text, length) = match rest.strip_prefix('"') {
            Some(quoted) => match unquote(quoted) {
                Some((text, length)) => (text, length + 1),
                None => return Some(Err(wrong(start, "a quoted cell is never closed"))),
            },
            None => {
                let length = memchr(self.delimiter, rest.as_bytes()).unwrap_or(rest.len());
                (
                    Cow::Borrowed(rest.get(..length).unwrap_or_default()),
                    length,
                )
            }
        };
        let end = start + length;
        match self.record.as_bytes().get(end) {
            None => {}
            Some(byte) if *byte == self.delimiter => self.next = Some(end + 1),
            Some(_) => {
                return Some(Err(wrong(
                    end,
                    "expected a delimiter after the quote that closes a cell, found text",
                )));
            }
        }
        Some(Ok((offset(start), text)))
    }
}

/// The text up to the closing quote, and the length in bytes including that quote.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, usize)> {
    let mut text = Cow::Borrowed("");
    let mut at = 0;
    loop {
        let rest = quoted.get(at..)?;
        let length = memchr(b'"', rest.as_bytes())?;
        let piece = rest.get(..length)?;
        at += length + 1;
        let doubled = quoted.as_bytes().get(at) == Some(&b'"');
        if !doubled && text.is_empty() {
            return Some((Cow::Borrowed(piece), at));
        }
        let text = text.to_mut();
        text.push_str(piece);
        if !doubled {
            break;
        }
        text.push('"');
        at += 1;
    }
    Some((text, at))
}

fn wrong(at: usize, message: &str) -> Fault {
    Fault::new(&rules::csv_quotes::RULE)
        .at(offset(at))
        .with_message(message)
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
