//! Rows of a Parquet file, each as one JSON object.
//!
//! A row group is read column by column, a few rows at a time, so that memory holds a page of every
//! column and not the file.

mod assemble;
mod blocks;
mod class_names;
mod column;
mod schema;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use parquet::{
    basic::Compression,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData},
        reader::{ChunkReader as _, FileReader as _, SerializedFileReader},
    },
};

use self::{assemble::write_row, blocks::FileBlocks, column::Column, schema::Field};
use super::decode::Limits;
use crate::{
    row_span::{LINE_MAX_BYTES, RowPosition, RowSpan, RowStatus},
    rule::Fault,
    rules,
    source::Source,
};

/// The bytes that a file starts and ends with.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Rows read from every column at once. Their texts keep their pages in memory, so there must be
/// few, even if every row has its own page.
const ROWS_AT_ONCE: usize = 64;

/// Longest metadata, which is held in memory: a megabyte describes a thousand columns.
const METADATA_BYTES_MAX: u32 = 64 << 20;

/// Longest cause quoted, in characters: it is the reader's message about a file, not a report of
/// it.
const CAUSE_CHARS_MAX: usize = 200;

/// The rows of a file, one after the other.
pub(super) struct ParquetReader {
    blocks: FileBlocks,
    file: SerializedFileReader<FileBlocks>,
    fields: Vec<(String, Field)>,
    /// The columns of the current row group.
    columns: Vec<Box<dyn Column>>,
    /// The index of the next row group.
    group: usize,
    /// Rows of the current group that are not in a batch yet.
    rows_left: usize,
    /// Rows of the batch that are not written yet.
    batch_left: usize,
    /// The number of the current row, from 1.
    number: u64,
    /// Bytes of all rows so far.
    expanded: u64,
    row: Vec<u8>,
    limits: Limits,
    fault: Option<Fault>,
}

impl ParquetReader {
    /// Reads the file's metadata; an inner `Err` says why no row can be read.
    pub(super) fn open(source: &dyn Source, limits: Limits) -> io::Result<Result<Self, String>> {
        let blocks = FileBlocks::new(source.ranges()?);
        let opened = guard(|| Self::read_metadata(&blocks, limits));
        match (opened, blocks.take_failure()) {
            (_, Some(failure)) => Err(failure),
            (opened, None) => Ok(opened),
        }
    }

    fn read_metadata(blocks: &FileBlocks, limits: Limits) -> Result<Self, String> {
        let cut = || "it lacks the marker at the end: it was cut off".to_owned();
        let start = blocks.size().checked_sub(8).ok_or_else(cut)?;
        let end = blocks.get_bytes(start, 8).map_err(|error| cause(&error))?;
        let (Some(length), true) = (end.first_chunk::<4>(), end.ends_with(MAGIC)) else {
            return Err(cut());
        };
        let length = u32::from_le_bytes(*length);
        if length > METADATA_BYTES_MAX {
            let most = METADATA_BYTES_MAX;
            return Err(format!(
                "its metadata has {length} bytes; the limit is {most}"
            ));
        }
        let file = SerializedFileReader::new(blocks.clone()).map_err(|error| cause(&error))?;
        let described = file.metadata().file_metadata();
        let mut fields = schema::fields(described.schema())?;
        class_names::give(described, &mut fields);
        check_codecs(file.metadata())?;
        Ok(Self {
            blocks: blocks.clone(),
            file,
            fields,
            columns: Vec::new(),
            group: 0,
            rows_left: 0,
            batch_left: 0,
            number: 0,
            expanded: 0,
            row: Vec::new(),
            limits,
            fault: None,
        })
    }

    /// Advances to the next row; `None` after the last, or if the file is damaged.
    pub(super) fn advance(&mut self) -> io::Result<Option<RowSpan>> {
        self.row.clear();
        if self.fault.is_some() {
            return Ok(None);
        }
        let read = guard(|| self.read_row());
        if let Some(failure) = self.blocks.take_failure() {
            return Err(failure);
        }
        match read {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(cause) => {
                let message = format!("the rows beyond this point cannot be read: {cause}");
                self.fault = Some(Fault::new(&rules::damaged_file::RULE).with_message(message));
                self.number += 1;
                return Ok(None);
            }
        }
        self.number += 1;
        let length = u64::try_from(self.row.len()).unwrap_or(u64::MAX);
        self.expanded += length;
        self.fault = self.limits.check(self.blocks.size(), self.expanded);
        let mut status = RowStatus::Whole;
        if self.row.len() > LINE_MAX_BYTES {
            self.row = Vec::new();
            status = RowStatus::TooLong;
        }
        Ok(Some(RowSpan {
            position: RowPosition::of_row(self.number, self.number),
            column: 1,
            length,
            status,
        }))
    }

    /// The current row.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.row
    }

    /// Bytes of the file read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.blocks.fetched().min(self.blocks.size())
    }

    /// Why the rows end early, and before which row.
    pub(super) fn finish(self) -> Option<(RowPosition, Fault)> {
        let number = self.number;
        self.fault
            .map(|fault| (RowPosition::of_row(number, number), fault))
    }

    /// Writes the next row, if there is one.
    fn read_row(&mut self) -> Result<bool, String> {
        while self.batch_left == 0 {
            if self.rows_left == 0 && !self.open_group()? {
                return Ok(false);
            }
            self.fill()?;
        }
        self.batch_left -= 1;
        write_row(&self.fields, &mut self.columns, &mut self.row)
            .map_err(|_misfit| "the columns of a row do not fit together".to_owned())?;
        Ok(true)
    }

    /// Advances to the next row group with rows.
    fn open_group(&mut self) -> Result<bool, String> {
        while self.rows_left == 0 {
            if self.group >= self.file.num_row_groups() {
                return Ok(false);
            }
            let failed = |error: ParquetError| cause(&error);
            let group = self.file.get_row_group(self.group).map_err(failed)?;
            self.group += 1;
            self.rows_left = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
            self.columns.clear();
            for index in 0..group.num_columns() {
                let described = group.metadata().column(index).column_descr();
                let levels = (described.max_def_level(), described.max_rep_level());
                let reader = group.get_column_reader(index).map_err(failed)?;
                self.columns.push(column::column(reader, levels));
            }
        }
        Ok(true)
    }

    fn fill(&mut self) -> Result<(), String> {
        let wanted = self.rows_left.min(ROWS_AT_ONCE);
        for column in &mut self.columns {
            let found = column.fill(wanted).map_err(|error| cause(&error))?;
            if found != wanted {
                return Err("a column has fewer rows than the file says".to_owned());
            }
        }
        self.rows_left -= wanted;
        self.batch_left = wanted;
        Ok(())
    }
}

/// Brotli and LZO are rare, and each would add as much code as all other codecs together.
fn check_codecs(metadata: &ParquetMetaData) -> Result<(), String> {
    let groups = metadata.row_groups().iter();
    let mut codecs =
        groups.flat_map(|group| group.columns().iter().map(ColumnChunkMetaData::compression));
    let unread = |codec: &Compression| matches!(codec, Compression::BROTLI(_) | Compression::LZO);
    match codecs.find(unread) {
        None => Ok(()),
        Some(codec) => Err(format!(
            "it is compressed with {codec}: expected Snappy, gzip, zstd or LZ4"
        )),
    }
}

/// Runs code of the `parquet` crate that may panic on invalid data: with every bit of a small file
/// flipped in turn, a few per cent of the runs panicked. After a panic only the cause is used.
fn guard<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.unwrap_or_else(|_panic| Err("the reader rejected its data".to_owned()))
}

/// The reader's message, on one line of limited length.
fn cause(error: &ParquetError) -> String {
    let message = error.to_string().replace(char::is_control, " ");
    message.chars().take(CAUSE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
