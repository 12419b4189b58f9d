//! Splits a dataset into rows, however it is wrapped, while holding at most one row.

mod records;

mod decode;

mod array;
mod csv;
mod extent;
mod lines;
mod parquet;
mod range;
mod row_lines;
mod sniff;
mod whole;
mod window;

use std::sync::Arc;

pub(crate) use self::range::{RangeEnd, RangeLines};
pub(crate) use self::{
    csv::Header,
    decode::{Compression, Encoding},
    records::{DatasetEnd, Records},
    sniff::guess_text,
};

/// How the rows of a dataset are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// One JSON value per line.
    Lines,
    /// One JSON array around all rows.
    Array,
    /// One JSON array that is a member of an object.
    Wrapped,
    /// JSON objects one after the other, each over any number of lines.
    Values,
    /// One JSON object of columns, splits or rows, read whole.
    Whole,
    /// Records of cells below a header, separated by commas or semicolons.
    Csv,
    /// The same, separated by tabs.
    Tsv,
    /// A columnar file.
    Parquet,
    /// The file is empty.
    Empty,
    /// Not text in a known container; what it appears to be.
    Unreadable(&'static str),
}

impl Container {
    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Array => "json_array",
            Self::Wrapped => "json_object",
            Self::Values => "json_values",
            Self::Whole => "json_columns",
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

#[cfg(test)]
mod alike;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
