//! Finds rows that repeat or contradict an earlier one, within a budget of memory.

use std::io;

use super::{seen::SeenSet, spill::Spill};
use crate::dedup_index::{DedupIndex, FirstLineLimits, Lookup};

/// How the rows of this pass are compared with earlier ones.
pub(super) enum Deduplicator<'p> {
    /// All distinct rows so far are in memory.
    Table {
        seen: SeenSet,
        budget: usize,
        /// The repeats found so far: a bit for each line.
        repeats: Box<DedupIndex>,
    },
    /// There were too many: rows are written to temporary files, and this pass cannot compare them.
    Spilling(Box<Spill>),
    /// An earlier pass compared them.
    Indexed(&'p DedupIndex),
}

impl<'p> Deduplicator<'p> {
    /// Compares rows in `budget` bytes, or by `known` where an earlier pass has compared them.
    pub(super) fn new(budget: usize, known: Option<&'p DedupIndex>) -> Self {
        match known {
            Some(known) => Self::Indexed(known),
            None => Self::Table {
                seen: SeenSet::default(),
                budget,
                repeats: Box::default(),
            },
        }
    }

    /// Looks a row up, and adds it; lines come in order. `limits` limits how many first lines are
    /// kept.
    pub(super) fn check(
        &mut self,
        input: u64,
        output: u64,
        line: u32,
        limits: FirstLineLimits,
    ) -> io::Result<Lookup> {
        match self {
            Self::Indexed(known) => Ok(known.check(line)),
            Self::Spilling(spill) => {
                spill.add(input, output, line)?;
                Ok(Lookup::New)
            }
            Self::Table {
                seen,
                budget,
                repeats,
            } => {
                let lookup = seen.check(input, output, line);
                if let Lookup::Repeat(_) = lookup {
                    repeats.note(line, lookup);
                    repeats.forget_beyond(limits);
                }
                if seen.bytes() > *budget {
                    let mut spill = Spill::new(std::mem::take(&mut **repeats), limits)?;
                    for (input, output, line) in std::mem::take(seen).into_rows() {
                        spill.add(input, output, line)?;
                    }
                    *self = Self::Spilling(Box::new(spill));
                }
                Ok(lookup)
            }
        }
    }

    /// Whether this pass can no longer find repeats.
    pub(super) fn is_spilling(&self) -> bool {
        matches!(self, Self::Spilling(_))
    }

    /// The result of comparing all rows, if they had to be written to temporary files.
    pub(super) fn finish(self) -> io::Result<Option<DedupIndex>> {
        match self {
            Self::Spilling(spill) => spill.compare().map(Some),
            Self::Table { .. } | Self::Indexed(_) => Ok(None),
        }
    }
}
