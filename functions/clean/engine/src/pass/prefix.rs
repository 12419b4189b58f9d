//! The first rows of a dataset, by which the rest is judged.

use super::{labels::LabelCounts, seen::SeenSet};
use crate::{
    dedup_index::Lookup, held_out::HeldOut, pass::buffer::BatchBuffer, processed::RowKind,
    split::Volume, task::Task,
};

/// What is known of them.
pub(super) struct Prefix {
    /// Distinct examples.
    examples: Volume,
    /// Bytes they and what is between them take in the dataset.
    raw: u64,
    labels: LabelCounts,
    /// Those among the examples that ask what an earlier version holds out.
    held_out: u64,
}

impl Prefix {
    /// The rows of `buffer` up to so many bytes of records, repeats and all: what fills the hold, to
    /// the row, so that it does not matter how they were cut into batches.
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
                let found_earlier = seen.check(row.input, row.output, 0);
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

    /// What they teach.
    pub(super) fn task(&self) -> Task {
        self.labels.task(self.examples.rows)
    }

    /// What a dataset of `size` bytes comes to if it goes on like this.
    pub(super) fn extrapolate(&self, size: u64) -> Volume {
        Volume {
            rows: self.scale(self.examples.rows, size),
            bytes: self.scale(self.examples.bytes, size),
        }
    }

    /// How many rows of a dataset of `size` bytes ask what is held out: of a dataset that grew,
    /// mostly the first do, so never more than there are questions.
    pub(super) fn extrapolate_held_out(&self, size: u64, held_out: &HeldOut) -> u64 {
        self.scale(self.held_out, size).min(held_out.rows())
    }

    fn scale(&self, part: u64, size: u64) -> u64 {
        let whole = u128::from(part) * u128::from(size) / u128::from(self.raw.max(1));
        u64::try_from(whole).unwrap_or(u64::MAX)
    }
}
