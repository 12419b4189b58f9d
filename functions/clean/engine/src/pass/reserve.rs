//! Rows reserved until the end of a pass: for validation and evaluation.

use std::collections::HashSet;

use crate::{
    formats::directives::DeclaredSplit,
    pages::Pages,
    processed::RowSummary,
    split::{self, Split},
};

/// Most bytes of reserved rows, all in memory. Past this nothing more is kept, and another pass
/// must draw fewer.
const BYTES_MAX: usize = 48 << 20;

/// Reserved rows with their records, in order.
#[derive(Debug)]
pub(super) struct Reserve {
    rows: Vec<ReservedRow>,
    records: Pages,
    /// Bytes of all, whether or not they fit.
    pub(super) bytes: u64,
}

/// A reserved row.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReservedRow {
    pub(super) input: u64,
    pub(super) declared: Option<DeclaredSplit>,
    pub(super) bytes: u32,
    pub(super) tokens_input: u32,
    pub(super) tokens_output: u32,
    pub(super) tokens_per_turn: u32,
}

impl ReservedRow {
    /// Reserves `row`, which the draw of `group` places.
    pub(super) fn of(row: &RowSummary, group: u64) -> Self {
        Self {
            input: group,
            declared: row.split,
            bytes: row.record,
            tokens_input: row.tokens_input,
            tokens_output: row.tokens_output,
            tokens_per_turn: row.tokens_per_turn,
        }
    }
}

impl Default for Reserve {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            records: Pages::with_capacity(BYTES_MAX),
            bytes: 0,
        }
    }
}

impl Reserve {
    pub(super) fn add(&mut self, row: ReservedRow, record: &[u8]) {
        self.bytes += u64::from(row.bytes);
        if !self.overflows() {
            self.rows.push(row);
            self.records.add(record);
        }
    }

    /// Whether some rows did not fit.
    pub(super) fn overflows(&self) -> bool {
        self.bytes > u64::try_from(BYTES_MAX).unwrap_or(u64::MAX)
    }

    /// The rows to be split; those of the `held_out` groups are marked, and those whose question is
    /// `asked_within` conversations that train.
    pub(super) fn to_split(
        &self,
        held_out: &HashSet<u64>,
        asked_within: &HashSet<u64>,
    ) -> Vec<split::DrawnRow> {
        let row = |row: &ReservedRow| split::DrawnRow {
            input: row.input,
            bytes: row.bytes,
            held_out: held_out.contains(&row.input),
            declared: row.declared,
            pinned: asked_within.contains(&row.input),
        };
        self.rows.iter().map(row).collect()
    }

    /// Every row with its record and its split.
    pub(super) fn placed<'p>(
        &'p self,
        splits: &'p [Split],
    ) -> impl Iterator<Item = (ReservedRow, &'p [u8], Split)> {
        let mut start = 0;
        self.rows.iter().zip(splits).map(move |(row, split)| {
            let end = start + usize::try_from(row.bytes).unwrap_or_default();
            let record = self.records.get(start..end).unwrap_or_default();
            start = end;
            (*row, record, *split)
        })
    }
}
