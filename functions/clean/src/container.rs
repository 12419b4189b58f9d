//! Cuts a dataset into rows, whatever it is wrapped in, without ever holding more than one row.

mod array;
mod lines;
mod nest;
mod sniff;
mod window;

use std::io::{self, Read};

pub(crate) use self::sniff::guess_text;
use self::{array::Array, lines::Lines, sniff::Sniffed, window::Window};
use crate::{
    Rule,
    batch::{Batch, Cut},
    meter::{Crc32c, Meter, Metered},
};

/// Longest row read, in bytes. The service takes 131,072 tokens per example, some 600 kB of text;
/// 8 MiB leaves room for escapes and wordy markup and keeps a worker's memory small.
pub(crate) const LINE_MAX_BYTES: usize = 8 << 20;

/// Bytes of rows that one thread judges at a time: past this, measured throughput grows no more,
/// and below it handing over begins to cost.
pub(crate) const BATCH_BYTES: usize = 512 << 10;

/// How the rows of a dataset are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// One JSON value per line.
    Lines,
    /// One JSON array around all rows.
    Array,
    /// An array that is a member of one object.
    Wrapped,
    /// Nothing at all.
    Empty,
    /// Something that is not text of ours; what it looks like.
    Unreadable(&'static str),
}

impl Container {
    /// The word in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Array => "json_array",
            Self::Wrapped => "json_object",
            Self::Empty => "empty",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// Where a row starts, and whether it could be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Line of the file on which the row starts, from 1.
    pub(crate) line: u64,
    /// Character of that line on which the row starts, from 1.
    pub(crate) column: u64,
    /// Length of the row in bytes.
    pub(crate) length: u64,
    /// Whether the row's bytes can be had.
    pub(crate) body: Body,
}

/// Whether a row's bytes can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// They can.
    Whole,
    /// They can; the file ends without closing the row or its line.
    Last,
    /// They were passed over: more than [`LINE_MAX_BYTES`].
    TooLong,
}

impl Head {
    /// Line and column, both from 1, of the byte at offset `at` of the row `bytes`.
    pub(crate) fn place(self, bytes: &[u8], at: u32) -> (u64, u64) {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let before = bytes.get(..at).unwrap_or_default();
        match memchr::memrchr(b'\n', before) {
            None => (self.line, self.column + characters(before)),
            Some(end) => {
                let line = self.line + newlines(before);
                (
                    line,
                    1 + characters(before.get(end + 1..).unwrap_or_default()),
                )
            }
        }
    }
}

/// The rows of a dataset, batch after batch.
pub(crate) struct Records<'r> {
    meter: Meter,
    container: Container,
    rows: Rows<'r>,
}

/// What is left to read.
enum Rows<'r> {
    /// Rows that are lines.
    Lines(Lines<'r>),
    /// Rows that are elements.
    Array(Array, Window<'r>),
    /// No rows.
    None(Window<'r>),
}

impl<'r> Records<'r> {
    /// Looks at the first bytes and gets ready.
    pub(crate) fn open(read: Box<dyn Read + Send + 'r>) -> io::Result<Self> {
        let meter = Meter::default();
        let mut window = Window::new(Box::new(Metered::new(read, meter.clone())));
        window.fill_to(sniff::PREFIX_BYTES)?;
        if window.available().starts_with(b"\xEF\xBB\xBF") {
            window.skip_mark();
        }
        let (container, rows) = match sniff::sniff(window.available(), window.ended()) {
            Sniffed::Empty => (Container::Empty, Rows::None(window)),
            Sniffed::Unreadable(what) => (Container::Unreadable(what), Rows::None(window)),
            Sniffed::Lines => {
                let (rest, read) = window.into_rest();
                (Container::Lines, Rows::Lines(Lines::new(rest, read)))
            }
            Sniffed::Array { start } => {
                window.consume(start);
                (Container::Array, Rows::Array(Array::default(), window))
            }
            Sniffed::Wrapped { start } => {
                window.consume(start);
                let array = Array::within_object();
                (Container::Wrapped, Rows::Array(array, window))
            }
        };
        Ok(Self {
            meter,
            container,
            rows,
        })
    }

    /// Fills `batch` with the next rows; `false` after the last.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        match &mut self.rows {
            Rows::Lines(lines) => lines.fill(batch),
            Rows::Array(array, window) => fill(array, window, batch),
            Rows::None(_) => Ok(false),
        }
    }

    /// What has been read so far.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Reads what is left, and says how the dataset ended.
    pub(crate) fn finish(self) -> io::Result<End> {
        let fault = match self.rows {
            Rows::Lines(_) => None,
            Rows::Array(mut array, mut window) => {
                let fault = array.finish(&mut window)?;
                window.finish()?;
                fault
            }
            Rows::None(window) => {
                window.finish()?;
                None
            }
        };
        Ok(End {
            bytes: self.meter.bytes(),
            crc32c: self.meter.crc32c(),
            container: self.container,
            fault,
        })
    }
}

/// Fills `batch` with elements.
fn fill(array: &mut Array, window: &mut Window<'_>, batch: &mut Batch) -> io::Result<bool> {
    let mut rows = Vec::new();
    batch.bytes.clear();
    while batch.bytes.len() < BATCH_BYTES {
        let Some(head) = array.advance(window)? else {
            break;
        };
        let start = batch.bytes.len();
        batch.bytes.extend_from_slice(window.row());
        rows.push((head, start..batch.bytes.len()));
    }
    let some = !rows.is_empty();
    batch.cut = Cut::Rows(rows);
    Ok(some)
}

/// How a dataset ended.
#[derive(Debug)]
pub(crate) struct End {
    /// Its length.
    pub(crate) bytes: u64,
    /// Its checksum.
    pub(crate) crc32c: Crc32c,
    /// How its rows were wrapped.
    pub(crate) container: Container,
    /// What is wrong about its end, and on which line.
    pub(crate) fault: Option<(u64, &'static Rule)>,
}

/// How many lines end within `bytes`.
fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// How many characters start within `bytes`, if they are UTF-8.
fn characters(bytes: &[u8]) -> u64 {
    let starts = bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    u64::try_from(starts).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
