//! What is remembered of rows, within a budget.

use std::io;

use super::{seen::SeenSet, spill::Spill};
use crate::dedup_index::{DedupIndex, FirstLineLimits, Lookup};

/// What is remembered of the rows so far.
pub(super) enum Deduplicator<'p> {
    /// All of them.
    Table {
        seen: SeenSet,
        budget: usize,
        /// The repeats among them: a bit for each line.
        repeats: DedupIndex,
    },
    /// They were too many, and are being written down: nothing is known of them in this pass.
    Spilling(Box<Spill>),
    /// An earlier pass compared them.
    Indexed(&'p DedupIndex),
}

impl<'p> Deduplicator<'p> {
    /// Remembers rows in `budget` bytes, unless all is `known`.
    pub(super) fn new(budget: usize, known: Option<&'p DedupIndex>) -> Self {
        match known {
            Some(known) => Self::Indexed(known),
            None => Self::Table {
                seen: SeenSet::default(),
                budget,
                repeats: DedupIndex::default(),
            },
        }
    }

    /// Takes a row; lines come in order. `named` is how many of which kind will be told.
    pub(super) fn check(
        &mut self,
        input: u64,
        output: u64,
        line: u32,
        named: FirstLineLimits,
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
                    repeats.forget_beyond(named);
                }
                if seen.bytes() > *budget {
                    let mut spill = Spill::new(std::mem::take(repeats), named)?;
                    for (input, output, line) in std::mem::take(seen).into_rows() {
                        spill.add(input, output, line)?;
                    }
                    *self = Self::Spilling(Box::new(spill));
                }
                Ok(lookup)
            }
        }
    }

    /// Whether this pass cannot tell repeats any more.
    pub(super) fn is_spilling(&self) -> bool {
        matches!(self, Self::Spilling(_))
    }

    /// What comparing all rows gave, if they had to be written down for that.
    pub(super) fn finish(self) -> io::Result<Option<DedupIndex>> {
        match self {
            Self::Spilling(spill) => spill.compare().map(Some),
            Self::Table { .. } | Self::Indexed(_) => Ok(None),
        }
    }
}
