//! Cuts a dataset into rows, whatever it is wrapped in, without ever holding more than one row.

mod records;

mod decode;

mod array;
mod csv;
mod extent;
mod lines;
mod parquet;
mod sniff;
mod stretch;
mod window;

use std::sync::Arc;

pub(crate) use self::{
    csv::Header,
    decode::{Compression, Encoding},
    records::{End, Records},
    sniff::guess_text,
    stretch::{StretchEnd, StretchLines},
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

/// How many lines end within `bytes`.
fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// How many characters start within `bytes`, if they are UTF-8.
fn characters(bytes: &[u8]) -> u64 {
    let starts = |byte: &u8| u8::from(*byte & 0xC0 != 0x80);
    // As many as are counted in a byte: the compiler counts them side by side.
    let pieces = bytes.chunks(usize::from(u8::MAX));
    pieces
        .map(|piece| u64::from(piece.iter().map(starts).sum::<u8>()))
        .sum()
}

#[cfg(test)]
mod alike;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
