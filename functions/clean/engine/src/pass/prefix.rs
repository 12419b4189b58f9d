//! The first rows of a dataset, by which the rest is judged.

use super::{
    hold::Hold,
    labels::Labels,
    seen::{Meeting, Seen},
};
use crate::{held_out::HeldOut, judged::Kind, split::Total, task::Task};

/// What is known of them.
pub(super) struct Prefix {
    /// Distinct examples.
    examples: Total,
    /// Bytes they and what is between them take in the dataset.
    raw: u64,
    labels: Labels,
    /// Those among the examples that ask what an earlier version holds out.
    held_out: u64,
}

impl Prefix {
    /// The rows of `hold` up to so many bytes of records, repeats and all: what fills the hold, to
    /// the row, so that it does not matter how they were cut into batches.
    pub(super) fn of(hold: &Hold, bytes_max: u64) -> Self {
        let mut prefix = Self {
            examples: Total::default(),
            raw: 0,
            labels: Labels::default(),
            held_out: 0,
        };
        let mut seen = Seen::default();
        let mut bytes = 0;
        for fact in hold.iter().flat_map(|held| &held.judged.facts) {
            prefix.raw += u64::from(fact.raw);
            bytes += u64::from(fact.record);
            let mut is_new = || {
                let met = seen.meet(fact.input, fact.output, 0);
                !matches!(met, Meeting::Repeat(_))
            };
            if fact.kind != Kind::Rejected && is_new() {
                prefix.examples.rows += 1;
                prefix.examples.bytes += u64::from(fact.record);
                prefix.held_out += u64::from(fact.held_out);
                prefix.labels.count(fact);
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
    pub(super) fn extrapolate(&self, size: u64) -> Total {
        Total {
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
