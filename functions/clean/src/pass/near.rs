//! Which rows say nearly the same as an earlier one.

use std::collections::HashMap;

use hashbrown::HashTable;

use crate::scan::sketch::{Digest, Sketch};

/// Most rows that later ones are compared with; each takes 48 bytes, and up to 18 for each of its
/// bands, 60 MB in all. Later rows are still compared with these, but not with each other.
const ROWS_MAX: usize = 250_000;

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Near {
    rows: Vec<Row>,
    /// By a band, the first row that had it.
    bands: HashTable<Band>,
    /// Questions that go where another goes, since they are asked nearly alike.
    groups: HashMap<u64, u64>,
    /// Rows that came when there was no room for them.
    pub(super) not_compared: u64,
}

#[derive(Debug)]
struct Row {
    digest: Digest,
    line: u32,
    group: u64,
}

#[derive(Debug, Clone, Copy)]
struct Band {
    band: u32,
    row: u32,
}

/// What a row is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The line of the first row that says nearly the same.
    pub(super) line: Option<u32>,
    /// The question by whose draw the row is placed.
    pub(super) group: u64,
}

impl Near {
    /// Takes a row that asks `input`; `is_new` if no row before asked the same. Rows that ask the
    /// same go together first of all, so only a new question joins those of another.
    pub(super) fn meet(
        &mut self,
        sketch: Option<&Sketch>,
        input: u64,
        is_new: bool,
        line: u32,
    ) -> Found {
        let own = self.groups.get(&input).copied().unwrap_or(input);
        let Some(sketch) = sketch else {
            return Found {
                line: None,
                group: own,
            };
        };
        let near = if is_new {
            self.first_near(sketch)
        } else {
            None
        };
        let group = near.map_or(own, |row| row.group);
        let line_near = near.map(|row| row.line);
        if group != input {
            self.groups.insert(input, group);
        }
        self.add(sketch, line, group);
        Found {
            line: line_near,
            group,
        }
    }

    /// The earliest row that says nearly what `sketch` says.
    fn first_near(&self, sketch: &Sketch) -> Option<&Row> {
        let found = sketch.bands.into_iter().filter_map(|band| self.find(band));
        let rows = found.filter_map(|band| self.rows.get(usize::try_from(band.row).ok()?));
        rows.filter(|row| row.digest.is_near(sketch.digest))
            .min_by_key(|row| row.line)
    }

    fn find(&self, band: u32) -> Option<&Band> {
        self.bands.find(hash(band), |other| other.band == band)
    }

    fn add(&mut self, sketch: &Sketch, line: u32, group: u64) {
        let Ok(row) = u32::try_from(self.rows.len()) else {
            return;
        };
        if self.rows.len() >= ROWS_MAX {
            self.not_compared += 1;
            return;
        }
        self.rows.push(Row {
            digest: sketch.digest,
            line,
            group,
        });
        for band in sketch.bands {
            if self.find(band).is_none() {
                let entry = Band { band, row };
                self.bands
                    .insert_unique(hash(band), entry, |band| hash(band.band));
            }
        }
    }
}

/// A hash of a band, which is one already; the table goes by its highest and lowest bits.
fn hash(band: u32) -> u64 {
    u64::from(band) << 32 | u64::from(band)
}
