//! Batches that wait until it is known what is done with their rows.

use std::ops::Range;

use crate::{judged::Judged, pages::Pages};

/// Room that all records find, unless a machine is told to hold more: what is held, and the batch that
/// exceeds it.
const ROOM_BYTES: usize = 32 << 20;

/// Batches that wait, in their order.
#[derive(Debug)]
pub(super) struct Hold {
    batches: Vec<Batch>,
    /// Their records.
    records: Pages,
}

/// A batch that waits.
#[derive(Debug)]
struct Batch {
    /// What is known of it; its records are elsewhere.
    judged: Judged,
    /// Lines before it.
    base: u64,
    records: Range<usize>,
}

/// A batch that waited, and its records.
#[derive(Clone, Copy)]
pub(super) struct Held<'h> {
    pub(super) judged: &'h Judged,
    pub(super) records: &'h [u8],
    /// Lines before it.
    pub(super) base: u64,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            records: Pages::with_capacity(ROOM_BYTES),
        }
    }
}

impl Hold {
    /// Keeps a batch, before which there are `base` lines; gives back what its records took, to be
    /// filled again.
    pub(super) fn keep(&mut self, mut judged: Judged, base: u64) -> Judged {
        let spare = Judged {
            records: std::mem::take(&mut judged.records),
            ..Judged::default()
        };
        let records = self.records.add(&spare.records);
        self.batches.push(Batch {
            judged,
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
    pub(super) fn iter(&self) -> impl Iterator<Item = Held<'_>> {
        self.batches.iter().map(|batch| Held {
            judged: &batch.judged,
            records: self.records.get(batch.records.clone()).unwrap_or_default(),
            base: batch.base,
        })
    }
}
