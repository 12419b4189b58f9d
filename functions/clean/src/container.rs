//! Cuts a dataset into rows, whatever it is wrapped in, without ever holding more than one row.

mod decode;
mod digest;

mod array;
mod csv;
mod extent;
mod lines;
mod nest;
mod sniff;
mod window;

use std::{io, sync::Arc};

use self::{
    array::Array,
    decode::{Decoder, LIMITS},
    sniff::Sniffed,
    window::Window,
};
pub(crate) use self::{
    csv::Header,
    decode::{Compression, Encoding},
    sniff::guess_text,
};
use crate::{Source, finding::Fault, rules};

/// Longest row read, in bytes. The service takes 131,072 tokens per example, some 600 kB of text;
/// 8 MiB leaves room for escapes and wordy markup and keeps a worker's memory small.
pub(crate) const LINE_MAX_BYTES: usize = 8 << 20;

/// How the rows of a dataset are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// One JSON value per line.
    Lines,
    /// One JSON array around all rows.
    Array,
    /// An array that is a member of one object.
    Wrapped,
    /// Records of cells below a header, between commas or semicolons.
    Csv,
    /// The same between tabs.
    Tsv,
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
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Empty => "empty",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// What a row's bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    /// One JSON value.
    Json,
    /// A record of cells.
    Csv(Arc<Header>),
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
    /// They can; the file was cut off, perhaps within the row, and the row would not show it.
    Cut,
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

/// The rows of a dataset, one after the other.
pub(crate) struct Records<'r> {
    window: Window<'r>,
    container: Container,
    rows: Rows,
}

/// How rows are cut from the text.
enum Rows {
    /// There are none.
    None,
    Lines,
    Elements(Array),
    Records(Arc<Header>),
}

impl<'r> Records<'r> {
    /// Looks at the first bytes and gets ready.
    pub(crate) fn open(source: &'r dyn Source) -> io::Result<Self> {
        let mut window = Window::new(Decoder::open(source.open()?, LIMITS)?);
        window.fill_to(sniff::PREFIX_BYTES)?;
        if window.available().starts_with(b"\xEF\xBB\xBF") {
            window.skip_mark();
        }
        let (container, rows) = match sniff::sniff(window.available(), window.ended()) {
            // There are bytes, and not one of them could be had.
            Sniffed::Empty if window.decoder().is_broken() => {
                let packed = window.decoder().compression().name();
                (Container::Unreadable(packed), Rows::None)
            }
            Sniffed::Empty => (Container::Empty, Rows::None),
            Sniffed::Unreadable(what) => (Container::Unreadable(what), Rows::None),
            Sniffed::Lines => (Container::Lines, Rows::Lines),
            Sniffed::Csv { header, start } => {
                window.consume(start);
                let container = match header.delimiter() {
                    b'\t' => Container::Tsv,
                    _ => Container::Csv,
                };
                (container, Rows::Records(Arc::new(header)))
            }
            Sniffed::Array { start } => {
                window.consume(start);
                (Container::Array, Rows::Elements(Array::default()))
            }
            Sniffed::Wrapped { start } => {
                window.consume(start);
                (Container::Wrapped, Rows::Elements(Array::within_object()))
            }
        };
        Ok(Self {
            window,
            container,
            rows,
        })
    }

    /// What the bytes of every row are.
    pub(crate) fn layout(&self) -> Layout {
        match &self.rows {
            Rows::None | Rows::Lines | Rows::Elements(_) => Layout::Json,
            Rows::Records(header) => Layout::Csv(Arc::clone(header)),
        }
    }

    /// Goes to the next row; `None` after the last.
    pub(crate) fn advance(&mut self) -> io::Result<Option<Head>> {
        match &mut self.rows {
            Rows::None => Ok(None),
            Rows::Lines => lines::advance(&mut self.window),
            Rows::Elements(array) => array.advance(&mut self.window),
            Rows::Records(header) => csv::advance(&mut self.window, header.delimiter()),
        }
    }

    /// The bytes of the row last advanced to; empty where it was too long.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.window.row()
    }

    /// How the rows are wrapped.
    pub(crate) fn container(&self) -> Container {
        self.container
    }

    /// Bytes of the upload read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.window.decoder().bytes_read()
    }

    /// Blank lines passed over so far; an array has none.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.window.blank_lines()
    }

    /// Reads what is left, and says how long the dataset was, its digest, and what was wrong about
    /// its end.
    pub(crate) fn finish(mut self) -> io::Result<End> {
        let fault = match &mut self.rows {
            Rows::Elements(array) => array.finish(&mut self.window)?,
            Rows::None | Rows::Lines | Rows::Records(_) => None,
        };
        let compression = self.window.decoder().compression();
        let encoding = match self.container {
            Container::Unreadable(_) => Encoding::Binary,
            Container::Lines
            | Container::Array
            | Container::Wrapped
            | Container::Csv
            | Container::Tsv
            | Container::Empty => self.window.decoder().encoding(),
        };
        let line = self.window.line();
        let ended = self.window.finish()?;
        // That the text breaks off is why an array is not closed.
        let broken = ended.fault.map(|fault| place_end(fault, line));
        Ok(End {
            bytes: ended.bytes,
            digest: ended.digest,
            compression,
            encoding,
            fault: broken.or(fault.map(|(line, rule)| (line, Fault::new(rule)))),
        })
    }
}

/// How a dataset ended.
#[derive(Debug)]
pub(crate) struct End {
    /// Its length.
    pub(crate) bytes: u64,
    /// The digest of its bytes, in hexadecimal.
    pub(crate) digest: String,
    /// What it is packed in.
    pub(crate) compression: Compression,
    /// How its characters are written.
    pub(crate) encoding: Encoding,
    /// What is wrong about its end, and on which line.
    pub(crate) fault: Option<(u64, Fault)>,
}

/// Where to show why the text ends: at its last line, unless it concerns every row.
fn place_end(fault: Fault, line: u64) -> (u64, Fault) {
    if fault.rule.code != rules::expands_too_much::RULE.code {
        return (line, fault);
    }
    let message = format!("{}; reading stopped at line {line}", fault.message);
    (0, fault.saying(message))
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
mod alike;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
