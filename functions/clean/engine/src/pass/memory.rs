//! What is remembered of rows, within a budget.

use std::io;

use super::{
    seen::{Meeting, Seen},
    spill::{Known, Named, Spill},
};

/// What is remembered of the rows so far.
pub(super) enum Memory<'p> {
    /// All of them.
    Table {
        seen: Seen,
        budget: usize,
        /// The repeats among them: a bit for each line.
        repeats: Known,
    },
    /// They were too many, and are being written down: nothing is known of them in this pass.
    Spilling(Box<Spill>),
    /// An earlier pass compared them.
    Known(&'p Known),
}

impl<'p> Memory<'p> {
    /// Remembers rows in `budget` bytes, unless all is `known`.
    pub(super) fn new(budget: usize, known: Option<&'p Known>) -> Self {
        match known {
            Some(known) => Self::Known(known),
            None => Self::Table {
                seen: Seen::default(),
                budget,
                repeats: Known::default(),
            },
        }
    }

    /// Takes a row; lines come in order. `named` is how many of which kind will be told.
    pub(super) fn meet(
        &mut self,
        input: u64,
        output: u64,
        line: u32,
        named: Named,
    ) -> io::Result<Meeting> {
        match self {
            Self::Known(known) => Ok(known.meet(line)),
            Self::Spilling(spill) => {
                spill.add(input, output, line)?;
                Ok(Meeting::New)
            }
            Self::Table {
                seen,
                budget,
                repeats,
            } => {
                let meeting = seen.meet(input, output, line);
                if let Meeting::Repeat(_) = meeting {
                    repeats.note(line, meeting);
                    repeats.forget_beyond(named);
                }
                if seen.bytes() > *budget {
                    let mut spill = Spill::new(std::mem::take(repeats), named)?;
                    for (input, output, line) in std::mem::take(seen).into_rows() {
                        spill.add(input, output, line)?;
                    }
                    *self = Self::Spilling(Box::new(spill));
                }
                Ok(meeting)
            }
        }
    }

    /// Whether this pass cannot tell repeats any more.
    pub(super) fn is_spilling(&self) -> bool {
        matches!(self, Self::Spilling(_))
    }

    /// What comparing all rows gave, if they had to be written down for that.
    pub(super) fn finish(self) -> io::Result<Option<Known>> {
        match self {
            Self::Spilling(spill) => spill.compare().map(Some),
            Self::Table { .. } | Self::Known(_) => Ok(None),
        }
    }
}
