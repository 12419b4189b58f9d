//! Batches that wait until it is known what is done with their rows.

use std::ops::Range;

use crate::{pages::Pages, processed::ProcessedBatch};

/// Room that all records find, unless a machine is told to hold more: what is held, and the batch that
/// exceeds it.
const ROOM_BYTES: usize = 32 << 20;

/// Batches that wait, in their order.
#[derive(Debug)]
pub(super) struct BatchBuffer {
    batches: Vec<StoredBatch>,
    /// Their records.
    records: Pages,
}

/// A batch that waits.
#[derive(Debug)]
struct StoredBatch {
    /// What is known of it; its records are elsewhere.
    processed: ProcessedBatch,
    /// Lines before it.
    base: u64,
    records: Range<usize>,
}

/// A batch that waited, and its records.
#[derive(Clone, Copy)]
pub(super) struct BufferedBatch<'h> {
    pub(super) processed: &'h ProcessedBatch,
    pub(super) records: &'h [u8],
    /// Lines before it.
    pub(super) base: u64,
}

impl Default for BatchBuffer {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            records: Pages::with_capacity(ROOM_BYTES),
        }
    }
}

impl BatchBuffer {
    /// Keeps a batch, before which there are `base` lines; gives back what its records took, to be
    /// filled again.
    pub(super) fn keep(&mut self, mut processed: ProcessedBatch, base: u64) -> ProcessedBatch {
        let spare = ProcessedBatch {
            records: std::mem::take(&mut processed.records),
            ..ProcessedBatch::default()
        };
        let records = self.records.add(&spare.records);
        self.batches.push(StoredBatch {
            processed,
            base,
            records,
        });
        spare
    }

    /// Bytes of all records.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    /// All that is held, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = BufferedBatch<'_>> {
        self.batches.iter().map(|batch| BufferedBatch {
            processed: &batch.processed,
            records: self.records.get(batch.records.clone()).unwrap_or_default(),
            base: batch.base,
        })
    }
}
