//! Batches that wait until it is known where their rows go.

use std::ops::Range;

use crate::{pages::Pages, processed::ProcessedBatch};

/// Address space reserved for the records: what is buffered by default, and the batch that exceeds
/// it. Beyond, the records move to a larger place.
const ROOM_BYTES: usize = 32 << 20;

/// Batches that wait, in their order.
#[derive(Debug)]
pub(super) struct BatchBuffer {
    batches: Vec<StoredBatch>,
    /// The records of all batches, or of the first one only, where they are not written.
    records: Pages,
    /// Bytes of the records of all batches.
    bytes: u64,
}

/// A batch that waits.
#[derive(Debug)]
struct StoredBatch {
    /// Everything but its records, which are in [`BatchBuffer::records`].
    processed: ProcessedBatch,
    /// Lines of the file before it.
    base: u64,
    records: Range<usize>,
}

/// A batch that waited, and its records.
#[derive(Clone, Copy)]
pub(super) struct BufferedBatch<'h> {
    pub(super) processed: &'h ProcessedBatch,
    pub(super) records: &'h [u8],
    /// Lines of the file before it.
    pub(super) base: u64,
}

impl Default for BatchBuffer {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            records: Pages::with_capacity(ROOM_BYTES),
            bytes: 0,
        }
    }
}

impl BatchBuffer {
    /// Keeps a batch that has `base` lines before it; returns the emptied allocation of its records
    /// for reuse. Records that are not `written` are not kept, except those of the first batch, of which
    /// a few are shown.
    pub(super) fn keep(
        &mut self,
        mut processed: ProcessedBatch,
        base: u64,
        written: bool,
    ) -> ProcessedBatch {
        let spare = ProcessedBatch {
            records: std::mem::take(&mut processed.records),
            fold_buffer: std::mem::take(&mut processed.fold_buffer),
            ..ProcessedBatch::default()
        };
        self.bytes += u64::try_from(spare.records.len()).unwrap_or(u64::MAX);
        let records = if written || self.batches.is_empty() {
            self.records.add(&spare.records)
        } else {
            0..0
        };
        self.batches.push(StoredBatch {
            processed,
            base,
            records,
        });
        spare
    }

    /// Bytes of all records.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All buffered batches, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = BufferedBatch<'_>> {
        self.batches.iter().map(|batch| BufferedBatch {
            processed: &batch.processed,
            records: self.records.get(batch.records.clone()).unwrap_or_default(),
            base: batch.base,
        })
    }
}
