//! Cuts a dataset into rows, whatever it is wrapped in, without ever holding more than one row.

mod decode;
mod digest;

mod array;
mod csv;
mod extent;
mod lines;
mod nest;
mod parquet;
mod sniff;
mod window;

use std::{io, sync::Arc};

use self::{
    array::Array,
    decode::{Decoder, LIMITS},
    parquet::Table,
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
    /// A file of columns.
    Parquet,
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
            Self::Parquet => "parquet",
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
    source: &'r dyn Source,
    window: Window<'r>,
    container: Container,
    rows: Rows,
    /// Whether the rows were read apart from the window, and not in order.
    apart: bool,
    cause: Option<String>,
}

/// How rows are cut from the text.
enum Rows {
    /// There are none.
    None,
    Lines,
    Elements(Array),
    Records(Arc<Header>),
    /// Not at all: they are no text.
    Table(Box<Table>),
}

impl<'r> Records<'r> {
    /// Looks at the first bytes and gets ready.
    pub(crate) fn open(source: &'r dyn Source) -> io::Result<Self> {
        let mut window = Window::new(Decoder::open(source.open()?, LIMITS)?);
        window.fill_to(sniff::PREFIX_BYTES)?;
        if window.available().starts_with(b"\xEF\xBB\xBF") {
            window.skip_mark();
        }
        let sniffed = sniff::sniff(window.available(), window.ended());
        let mut records = Self {
            source,
            window,
            container: Container::Empty,
            rows: Rows::None,
            apart: false,
            cause: None,
        };
        (records.container, records.rows) = records.prepare(sniffed)?;
        Ok(records)
    }

    /// Goes to where the rows start.
    fn prepare(&mut self, sniffed: Sniffed) -> io::Result<(Container, Rows)> {
        let compression = self.window.decoder().compression();
        Ok(match sniffed {
            // There are bytes, and not one of them could be had.
            Sniffed::Empty if self.window.decoder().is_broken() => {
                (Container::Unreadable(compression.name()), Rows::None)
            }
            Sniffed::Empty => (Container::Empty, Rows::None),
            Sniffed::Unreadable(what) => (Container::Unreadable(what), Rows::None),
            // Its index is at its end, and what is packed is read from the start.
            Sniffed::Parquet if compression != Compression::None => {
                let what = "Parquet within a packed file";
                (Container::Unreadable(what), Rows::None)
            }
            Sniffed::Parquet => self.open_table()?,
            Sniffed::Lines => (Container::Lines, Rows::Lines),
            Sniffed::Csv { header, start } => {
                self.window.consume(start);
                let container = match header.delimiter() {
                    b'\t' => Container::Tsv,
                    _ => Container::Csv,
                };
                (container, Rows::Records(Arc::new(header)))
            }
            Sniffed::Array { start } => {
                self.window.consume(start);
                (Container::Array, Rows::Elements(Array::default()))
            }
            Sniffed::Wrapped { start } => {
                self.window.consume(start);
                (Container::Wrapped, Rows::Elements(Array::within_object()))
            }
        })
    }

    fn open_table(&mut self) -> io::Result<(Container, Rows)> {
        // Nobody reads on for minutes, and connections are not kept that long.
        self.window = Window::new(Decoder::open(Box::new(io::empty()), LIMITS)?);
        self.apart = true;
        Ok(match Table::open(self.source, LIMITS)? {
            Ok(table) => (Container::Parquet, Rows::Table(Box::new(table))),
            Err(cause) => {
                self.cause = Some(cause);
                (Container::Unreadable("Parquet"), Rows::None)
            }
        })
    }

    /// What the bytes of every row are.
    pub(crate) fn layout(&self) -> Layout {
        match &self.rows {
            Rows::None | Rows::Lines | Rows::Elements(_) | Rows::Table(_) => Layout::Json,
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
            Rows::Table(table) => table.advance(),
        }
    }

    /// The bytes of the row last advanced to; empty where it was too long.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.rows {
            Rows::None | Rows::Lines | Rows::Elements(_) | Rows::Records(_) => self.window.row(),
            Rows::Table(table) => table.bytes(),
        }
    }

    /// How the rows are wrapped.
    pub(crate) fn container(&self) -> Container {
        self.container
    }

    /// Bytes of the upload read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        match &self.rows {
            Rows::None | Rows::Lines | Rows::Elements(_) | Rows::Records(_) => {
                self.window.decoder().bytes_read()
            }
            Rows::Table(table) => table.bytes_read(),
        }
    }

    /// Blank lines passed over so far; an array has none.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.window.blank_lines()
    }

    /// Reads what is left, and says how long the dataset was, its digest, and what was wrong about
    /// its end.
    pub(crate) fn finish(mut self) -> io::Result<End> {
        let compression = self.window.decoder().compression();
        let encoding = match self.container {
            Container::Unreadable(_) | Container::Parquet => Encoding::Binary,
            Container::Lines
            | Container::Array
            | Container::Wrapped
            | Container::Csv
            | Container::Tsv
            | Container::Empty => self.window.decoder().encoding(),
        };
        let fault = match self.rows {
            Rows::Elements(mut array) => {
                let fault = array.finish(&mut self.window)?;
                fault.map(|(line, rule)| (line, Fault::new(rule)))
            }
            Rows::Table(table) => table.finish(),
            Rows::None | Rows::Lines | Rows::Records(_) => None,
        };
        let line = self.window.line();
        let ended = if self.apart {
            Decoder::open(self.source.open()?, LIMITS)?.finish()?
        } else {
            self.window.finish()?
        };
        // That the text breaks off is why an array is not closed.
        let fault = ended.fault.map(|fault| (line, fault)).or(fault);
        Ok(End {
            bytes: ended.bytes,
            digest: ended.digest,
            compression,
            encoding,
            fault: fault.map(|(line, fault)| place_end(fault, line)),
            cause: self.cause,
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
    /// Why no row of it could be read, where it is not what it looks like.
    pub(crate) cause: Option<String>,
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
