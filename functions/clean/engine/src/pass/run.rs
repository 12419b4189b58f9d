//! Records of a batch on their way to their parts.

use std::ops::Range;

use crate::{error::Error, outputs::OutputFile, pass::output_writer::OutputWriters};

/// Records side by side that go to the same part: written at once.
#[derive(Debug, Default)]
pub(super) struct Run {
    part: Option<OutputFile>,
    rows: u64,
    records: Range<usize>,
}

impl Run {
    /// Adds the next record, which is among `records`; writes those before it if it goes elsewhere.
    pub(super) fn add(
        &mut self,
        part: OutputFile,
        record: Range<usize>,
        records: &[u8],
        parts: &mut OutputWriters<'_>,
    ) -> Result<(), Error> {
        if self.part != Some(part) || self.records.end != record.start {
            self.end(records, parts)?;
            self.part = Some(part);
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
        parts: &mut OutputWriters<'_>,
    ) -> Result<(), Error> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        let rows = std::mem::take(&mut self.rows);
        let records = records.get(self.records.clone()).unwrap_or_default();
        parts.write(part, rows, &[records])
    }
}
