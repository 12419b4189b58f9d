//! Records of a batch on their way to their parts.

use std::ops::Range;

use crate::{error::Error, outputs::OutputFile, pass::output_writer::OutputWriters};

/// Records side by side that go to the same part: written at once.
#[derive(Debug, Default)]
pub(super) struct RecordRun {
    file: Option<OutputFile>,
    rows: u64,
    records: Range<usize>,
}

impl RecordRun {
    /// Adds the next record, which is among `records`; writes those before it if it goes elsewhere.
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
