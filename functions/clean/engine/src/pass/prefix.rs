//! The first rows of a dataset, from which the rest is estimated.

use super::{buffer::BatchBuffer, labels::LabelCounts, seen::SeenSet};
use crate::{
    dedup_index::Lookup, held_out::HeldOut, processed::RowKind, split::Volume, task::Task,
};

/// What the answers of a dataset are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers {
    /// The task that they train.
    pub(super) task: Task,
    /// Whether most of them are short, so that a short one is not a fault.
    pub(super) short_are_usual: bool,
}

/// Totals of the first rows.
pub(super) struct Prefix {
    /// Distinct examples.
    examples: Volume,
    /// Bytes of the dataset that these rows take, with everything between them.
    raw: u64,
    labels: LabelCounts,
    /// Examples whose question an earlier version holds out.
    held_out: u64,
}

impl Prefix {
    /// The rows of `buffer` up to this many bytes of records, repeats included. The limit is exact
    /// to the row, so that the estimate does not depend on how rows were cut into batches.
    pub(super) fn of(buffer: &BatchBuffer, bytes_max: u64) -> Self {
        let mut prefix = Self {
            examples: Volume::default(),
            raw: 0,
            labels: LabelCounts::default(),
            held_out: 0,
        };
        let mut seen = SeenSet::default();
        let mut bytes = 0;
        for row in buffer.iter().flat_map(|buffered| &buffered.processed.rows) {
            prefix.raw += u64::from(row.raw);
            bytes += u64::from(row.record);
            let mut is_new = || {
                let found_earlier = seen.check(row.input, row.answer_key(), 0);
                !matches!(found_earlier, Lookup::Repeat(_))
            };
            if row.kind != RowKind::Rejected && is_new() {
                prefix.examples.rows += 1;
                prefix.examples.bytes += u64::from(row.record);
                prefix.held_out += u64::from(row.held_out);
                prefix.labels.count(row);
            }
            if bytes > bytes_max {
                break;
            }
        }
        prefix
    }

    /// What the answers of these rows are like.
    pub(super) fn answers(&self) -> Answers {
        Answers {
            task: self.labels.task(self.examples.rows),
            short_are_usual: self.labels.are_usual(self.examples.rows),
        }
    }

    /// The estimate for a dataset of `size` bytes, if it continues like this.
    pub(super) fn extrapolate(&self, size: u64) -> Volume {
        Volume {
            rows: self.scale(self.examples.rows, size),
            bytes: self.scale(self.examples.bytes, size),
        }
    }

    /// How many rows of a dataset of `size` bytes have a held-out question. In a dataset that grew
    /// by appending, these are mostly the first rows, so never more than there are such questions.
    pub(super) fn extrapolate_held_out(&self, size: u64, held_out: &HeldOut) -> u64 {
        self.scale(self.held_out, size).min(held_out.rows())
    }

    fn scale(&self, part: u64, size: u64) -> u64 {
        let whole = u128::from(part) * u128::from(size) / u128::from(self.raw.max(1));
        u64::try_from(whole).unwrap_or(u64::MAX)
    }
}
