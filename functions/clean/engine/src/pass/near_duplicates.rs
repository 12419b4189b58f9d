//! Finds rows that are nearly the same as an earlier one.

use std::collections::HashMap;

use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::sketch::{BANDS, Digest, Sketch};

/// Most rows that later ones are compared with. Each takes 48 bytes, and up to 18 for each of its
/// bands: 60 MB in all. Later rows are still compared with these, but not with each other.
const ROWS_MAX: usize = 250_000;

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct NearDuplicates {
    rows: Vec<NearRow>,
    /// For each band, the first row that had it.
    bands: HashTable<Band>,
    /// Questions that share the split of another, since they are nearly the same.
    groups: HashMap<u64, u64>,
    /// Rows that were not remembered for lack of room.
    pub(super) not_compared: u64,
}

#[derive(Debug)]
struct NearRow {
    digest: Digest,
    number: u32,
    group: u64,
}

#[derive(Debug, Clone, Copy)]
struct Band {
    band: u32,
    row: u32,
}

/// How a row relates to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NearMatch {
    /// The number of the first row that is nearly the same.
    pub(super) number: Option<u32>,
    /// The group whose draw places the row, as far as known by now.
    pub(super) group: u64,
}

/// Which groups may still be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joining {
    /// All: no row is placed before the end.
    All,
    /// Only the new one, whose question no earlier row has; the others have been placed.
    New,
    /// None: this one has been placed, too.
    None,
}

impl NearDuplicates {
    /// Compares a row with question `input` to those before it, and remembers it.
    pub(super) fn compare(
        &mut self,
        sketch: Option<&Sketch>,
        input: u64,
        joining: Joining,
        number: u32,
    ) -> NearMatch {
        let Some(sketch) = sketch else {
            return NearMatch {
                number: None,
                group: self.group_of(input),
            };
        };
        let near = self.near(sketch);
        match joining {
            Joining::All => near.iter().for_each(|(_, group)| self.join(input, *group)),
            Joining::New => {
                if let Some((_, group)) = near.first() {
                    self.groups.insert(input, *group);
                }
            }
            Joining::None => {}
        }
        let group = self.group_of(input);
        self.add(sketch, number, group);
        NearMatch {
            number: near.first().map(|(number, _)| *number),
            group,
        }
    }

    /// The group whose draw places rows with question `input`.
    pub(super) fn group_of(&self, mut input: u64) -> u64 {
        while let Some(other) = self.groups.get(&input) {
            input = *other;
        }
        input
    }

    /// Takes groups apart that have more than `most` of the rows, whose groups are `all`.
    pub(super) fn take_apart(&mut self, all: &[u64], most: usize) {
        let mut sizes: HashMap<u64, usize> = HashMap::new();
        for group in all {
            *sizes.entry(*group).or_default() += 1;
        }
        let joined: Vec<u64> = self.groups.keys().copied().collect();
        let is_large = |input: &u64| {
            let size = sizes.get(&self.group_of(*input));
            size.is_some_and(|size| *size > most)
        };
        let large: Vec<u64> = joined.into_iter().filter(is_large).collect();
        for input in large {
            self.groups.remove(&input);
        }
    }

    /// Joins two groups under the lesser one, so that the order of rows does not matter.
    fn join(&mut self, one: u64, other: u64) {
        let (one, other) = (self.group_of(one), self.group_of(other));
        if one != other {
            self.groups.insert(one.max(other), one.min(other));
        }
    }

    /// Rows nearly the same as `sketch`, the earliest first: their numbers and groups.
    fn near(&self, sketch: &Sketch) -> SmallVec<[(u32, u64); BANDS]> {
        let found = sketch.bands.into_iter().filter_map(|band| self.find(band));
        let rows = found.filter_map(|band| self.rows.get(usize::try_from(band.row).ok()?));
        let near = rows.filter(|row| row.digest.is_near(sketch.digest));
        let mut near: SmallVec<_> = near.map(|row| (row.number, row.group)).collect();
        near.sort_unstable();
        near
    }

    fn find(&self, band: u32) -> Option<&Band> {
        self.bands.find(hash(band), |other| other.band == band)
    }

    fn add(&mut self, sketch: &Sketch, number: u32, group: u64) {
        let Ok(row) = u32::try_from(self.rows.len()) else {
            return;
        };
        if self.rows.len() >= ROWS_MAX {
            self.not_compared += 1;
            return;
        }
        self.rows.push(NearRow {
            digest: sketch.digest,
            number,
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

/// A hash of a band, which is one already. The table uses the highest and the lowest bits.
fn hash(band: u32) -> u64 {
    u64::from(band) << 32 | u64::from(band)
}
