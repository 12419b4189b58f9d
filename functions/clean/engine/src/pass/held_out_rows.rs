//! Rows that ask what an earlier version compares models with: they never train.
//!
//! With them go rows that ask nearly the same, where those are looked for: all of them in a dataset
//! that is decided about at its end; in a larger one those further down only, since the rows above
//! train already.

use std::collections::HashSet;

use crate::{
    findings::Findings,
    plan::Plan,
    rule::Fault,
    rules::{held_out_no_room, train_eval_leak},
    settings::Settings,
    split::{self, Decided, Split},
};

/// Most bytes of such rows that are kept aside until the end of a large dataset: as many as are
/// drawn, so that both have room together. What comes later is left out.
const ASIDE_BYTES_MAX: u64 = split::DRAWN_BYTES;

/// Why such a row is left out, in the file of those; it lacks its line and its row.
pub(super) const NOTE: &[u8] = b"{\"codes\":[\"held_out_no_room\"]}\n";

/// What is withheld from training so far.
#[derive(Debug, Default)]
pub(super) struct HeldOutTracker {
    /// Questions by whose draw rows are placed, of which one row at least is held out.
    pub(super) groups: HashSet<u64>,
    /// Rows left out.
    pub(super) left_out: u64,
    /// Bytes of rows kept aside or left out.
    bytes: u64,
}

/// What decides where a kept row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeptRow {
    /// The question by whose draw it is placed: its own, or one that is nearly the same.
    pub(super) group: u64,
    /// Whether an earlier version holds that out, as far as the rows before can tell.
    pub(super) held_out: bool,
    /// Length of its record.
    pub(super) bytes: u32,
}

/// Where a kept row goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    /// `None`: aside, until the end tells.
    pub(super) place: Option<Split>,
    /// Whether it would train, were nothing held out.
    leaks: bool,
}

impl Placement {
    /// Aside, as the draw has it.
    pub(super) const RESERVED: Self = Self {
        place: None,
        leaks: false,
    };

    /// Tells what is held out of the row on `line`.
    pub(super) fn tell(self, line: u64, settings: &Settings, found: &mut Findings) {
        let rule = match self.place {
            Some(Split::LeftOut) => &held_out_no_room::RULE,
            _ if self.leaks => &train_eval_leak::RULE,
            _ => return,
        };
        found.add_at(Fault::new(rule), settings.severity(rule), line);
    }
}

impl HeldOutTracker {
    /// Takes a row of `group`; whether that is held out.
    pub(super) fn check(&mut self, group: u64, held_out: bool) -> bool {
        if held_out {
            self.groups.insert(group);
        }
        held_out || !self.groups.is_empty() && self.groups.contains(&group)
    }

    /// Knows its questions by the groups that they are in by now.
    pub(super) fn regroup(&mut self, group_of: impl Fn(u64) -> u64) {
        self.groups = self.groups.drain().map(group_of).collect();
    }

    /// The place of a row in a large dataset, which by the draw `trains` or is kept aside.
    pub(super) fn place(&mut self, kept: KeptRow, trains: bool, plan: &Plan) -> Placement {
        let no_room = !plan.left_out.is_empty() && plan.left_out.contains(&kept.group);
        if !kept.held_out && !no_room {
            return Placement {
                place: trains.then_some(Split::Train),
                leaks: false,
            };
        }
        self.bytes += u64::from(kept.bytes);
        let left_out = no_room || self.bytes > ASIDE_BYTES_MAX;
        self.left_out += u64::from(left_out);
        Placement {
            place: left_out.then_some(Split::LeftOut),
            leaks: trains,
        }
    }

    /// The places of all `rows` of a dataset.
    pub(super) fn placements(
        &self,
        mut rows: Vec<split::DrawnRow>,
        settings: &Settings,
    ) -> Vec<Placement> {
        let drawn = split::plan(&rows, Decided::default(), settings);
        let placement = |(place, leaks)| Placement {
            place: Some(place),
            leaks,
        };
        if self.groups.is_empty() {
            return drawn
                .into_iter()
                .map(|place| placement((place, false)))
                .collect();
        }
        for row in &mut rows {
            row.held_out = self.groups.contains(&row.input);
        }
        let places = split::plan(&rows, Decided::default(), settings);
        let leaks = rows
            .iter()
            .zip(drawn)
            .map(|(row, drawn)| row.held_out && drawn == Split::Train);
        places.into_iter().zip(leaks).map(placement).collect()
    }
}
