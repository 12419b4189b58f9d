//! Rows that are kept aside until the end of a pass: for validation, and to compare models with.

use std::collections::HashSet;

use crate::{
    judged::Fact,
    pages::Pages,
    split::{self, Split},
};

/// Most bytes kept aside. Past this nothing is kept: another pass must draw fewer.
const BYTES_MAX: usize = 48 << 20;

/// Rows kept aside, with their records, in their order.
#[derive(Debug)]
pub(super) struct Pool {
    rows: Vec<Aside>,
    records: Pages,
    /// Bytes of all, whether or not they found room.
    pub(super) bytes: u64,
}

/// A row kept aside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aside {
    pub(super) input: u64,
    pub(super) bytes: u32,
    pub(super) tokens_input: u32,
    pub(super) tokens_output: u32,
}

impl Aside {
    /// The row of `fact`, which is placed by the question `group`.
    pub(super) fn of(fact: &Fact, group: u64) -> Self {
        Self {
            input: group,
            bytes: fact.record,
            tokens_input: fact.tokens_input,
            tokens_output: fact.tokens_output,
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            records: Pages::with_capacity(BYTES_MAX),
            bytes: 0,
        }
    }
}

impl Pool {
    pub(super) fn add(&mut self, row: Aside, record: &[u8]) {
        self.bytes += u64::from(row.bytes);
        if !self.overflows() {
            self.rows.push(row);
            self.records.add(record);
        }
    }

    /// Whether there was no room for all.
    pub(super) fn overflows(&self) -> bool {
        self.bytes > u64::try_from(BYTES_MAX).unwrap_or(u64::MAX)
    }

    /// What is to be drawn from, and what is `held_out` of it.
    pub(super) fn to_split(&self, held_out: &HashSet<u64>) -> Vec<split::Row> {
        let row = |row: &Aside| split::Row {
            input: row.input,
            bytes: row.bytes,
            held_out: held_out.contains(&row.input),
        };
        self.rows.iter().map(row).collect()
    }

    /// Every row with its record and its place.
    pub(super) fn placed<'p>(
        &'p self,
        places: &'p [Split],
    ) -> impl Iterator<Item = (Aside, &'p [u8], Split)> {
        let mut start = 0;
        self.rows.iter().zip(places).map(move |(row, place)| {
            let end = start + usize::try_from(row.bytes).unwrap_or_default();
            let record = self.records.get(start..end).unwrap_or_default();
            start = end;
            (*row, record, *place)
        })
    }
}
