//! Adjacent records that go to the same file.

use std::ops::Range;

use super::output_writer::OutputWriters;
use crate::{error::Error, outputs::OutputFile};

/// Adjacent records that go to the same file, to be written with one call.
#[derive(Debug, Default)]
pub(super) struct RecordRun {
    file: Option<OutputFile>,
    rows: u64,
    records: Range<usize>,
}

impl RecordRun {
    /// Adds the next record, at a position in `records`; first writes those before it where the
    /// file changes.
    pub(super) fn add(
        &mut self,
        file: OutputFile,
        record: Range<usize>,
        records: &[u8],
        outputs: &mut OutputWriters<'_>,
    ) -> Result<(), Error> {
        if self.file != Some(file) || self.records.end != record.start {
            self.end(records, outputs)?;
            self.file = Some(file);
            self.records = record.start..record.start;
        }
        self.rows += 1;
        self.records.end = record.end;
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn end(
        &mut self,
        records: &[u8],
        outputs: &mut OutputWriters<'_>,
    ) -> Result<(), Error> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let rows = std::mem::take(&mut self.rows);
        let records = records.get(self.records.clone()).unwrap_or_default();
        outputs.write(file, rows, &[records])
    }
}
