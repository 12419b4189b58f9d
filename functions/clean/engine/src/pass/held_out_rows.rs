//! Rows whose question an earlier version holds out for evaluation, or the file itself: they never
//! train, and neither do longer conversations in which it is asked.
//!
//! Near-duplicates of such questions are held out with them, where they are looked for: all of them
//! in a dataset that is decided about at its end. In a larger one only those further down, since
//! the rows above have already gone to training.

use std::collections::HashSet;

use crate::{
    findings::Findings,
    formats::directives::DeclaredSplit,
    plan::Plan,
    processed::RowSummary,
    row_span::RowPosition,
    rule::Fault,
    rules::{held_out_no_room, train_eval_leak},
    settings::Settings,
    split::{self, Decided, Split},
};

/// Most bytes of such rows that are reserved until the end of a large dataset: as many as the draw
/// reserves, so that both fit into memory together. Later ones are left out.
const ASIDE_BYTES_MAX: u64 = split::DRAWN_BYTES;

/// The note of a row that is left out for lack of room, without its line and its row.
pub(super) const NOTE: &[u8] = b"{\"codes\":[\"held_out_no_room\"]}\n";

/// Which questions are held out so far.
#[derive(Debug, Default)]
pub(super) struct HeldOutTracker {
    /// Groups of questions, of which at least one is held out. A group is split as one.
    pub(super) groups: HashSet<u64>,
    /// Those among them that earlier versions hold out; the file itself holds out the others.
    by_versions: HashSet<u64>,
    /// Those that the file itself holds out.
    pub(super) by_file: HashSet<u64>,
    /// Questions within longer conversations that are not held out: a row that asks one of them
    /// can only train.
    pub(super) asked_within: HashSet<u64>,
    /// Rows left out.
    pub(super) left_out: u64,
    /// Bytes of rows that are reserved or left out.
    bytes: u64,
}

/// What decides where a kept row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeptRow {
    /// The group whose draw places it: its own question, or one that is nearly the same.
    pub(super) group: u64,
    /// Whether that group is held out, as far as known from the rows before.
    pub(super) held_out: bool,
    /// Whether an earlier version holds it out.
    pub(super) by_version: bool,
    /// The split that the file names.
    pub(super) declared: Option<DeclaredSplit>,
    /// Length of its record.
    pub(super) bytes: u32,
}

/// Where a kept row goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    /// `None` for a row that is reserved until the end of the pass.
    pub(super) split: Option<Split>,
    /// Whether it would train if nothing were held out.
    leaks: bool,
    /// Whether the file itself holds it out, and no earlier version does.
    by_file: bool,
}

impl Placement {
    /// Reserved by the draw.
    pub(super) const RESERVED: Self = Self {
        split: None,
        leaks: false,
        by_file: false,
    };

    /// Reports that the row at `position` is held out.
    pub(super) fn report(self, position: RowPosition, settings: &Settings, found: &mut Findings) {
        let rule = match self.split {
            Some(Split::LeftOut) => &held_out_no_room::RULE,
            _ if self.leaks => &train_eval_leak::RULE,
            _ => return,
        };
        let fault = Fault::new(rule);
        let fault = if self.by_file {
            fault.with_message(
                "the file holds the row out, and the eval and validation splits are full",
            )
        } else {
            fault
        };
        found.add_at(fault, settings.severity(rule), position);
    }
}

impl HeldOutTracker {
    /// What `plan` knows of the rows of this file.
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            groups: plan.own_held_out.clone(),
            by_file: plan.own_held_out.clone(),
            ..Self::default()
        }
    }

    /// Adds a row of `group` whose earlier questions are `earlier`, and which an earlier version
    /// holds out or not.
    pub(super) fn check(&mut self, row: &RowSummary, group: u64, earlier: &[u64]) -> KeptRow {
        let by_version = row.held_out || self.by_versions.contains(&group);
        let by_file = matches!(
            row.split,
            Some(DeclaredSplit::Validation | DeclaredSplit::Eval)
        );
        let known = !self.groups.is_empty() && {
            let mut all = earlier.iter().chain([&group]);
            all.any(|question| self.groups.contains(question))
        };
        if by_version {
            self.by_versions.insert(group);
        }
        if by_file {
            self.by_file.insert(group);
        }
        let held_out = by_version || by_file || known;
        if held_out {
            self.groups.insert(group);
        }
        KeptRow {
            group,
            held_out,
            by_version,
            declared: row.split,
            bytes: row.record,
        }
    }

    /// Remembers the earlier questions of a row that may train, as far as rows that ask them may be
    /// held out.
    pub(super) fn remember(&mut self, earlier: &[u64], may_be_held_out: impl Fn(u64) -> bool) {
        let asked = earlier.iter().copied();
        self.asked_within
            .extend(asked.filter(|question| may_be_held_out(*question)));
    }

    /// Holds out `group` if any of its `earlier` questions is; otherwise remembers these.
    pub(super) fn join(&mut self, group: u64, earlier: &[u64]) {
        if earlier.is_empty() {
            return;
        }
        if self.groups.contains(&group) || earlier.iter().any(|q| self.groups.contains(q)) {
            self.groups.insert(group);
        } else {
            self.asked_within.extend(earlier);
        }
    }

    /// Renames the groups after some have been joined.
    pub(super) fn regroup(&mut self, group_of: impl Fn(u64) -> u64) {
        self.groups = self.groups.drain().map(&group_of).collect();
        self.by_versions = self.by_versions.drain().map(&group_of).collect();
        self.by_file = self.by_file.drain().map(&group_of).collect();
        self.asked_within = self.asked_within.drain().map(&group_of).collect();
    }

    /// Places a row of a large dataset, which by the draw `trains` or is reserved.
    pub(super) fn place(&mut self, kept: KeptRow, trains: bool, plan: &Plan) -> Placement {
        let no_room = !plan.left_out.is_empty() && plan.left_out.contains(&kept.group);
        if !kept.held_out && !no_room {
            return Placement {
                split: trains.then_some(Split::Train),
                leaks: false,
                by_file: false,
            };
        }
        self.bytes += u64::from(kept.bytes);
        let left_out = no_room || self.bytes > ASIDE_BYTES_MAX;
        self.left_out += u64::from(left_out);
        Placement {
            split: left_out.then_some(Split::LeftOut),
            leaks: trains && kept.by_version,
            by_file: !kept.by_version && self.by_file.contains(&kept.group),
        }
    }

    /// Places all `rows` of a dataset.
    pub(super) fn placements(
        &self,
        mut rows: Vec<split::DrawnRow>,
        settings: &Settings,
    ) -> Vec<Placement> {
        for row in &mut rows {
            row.pinned = self.asked_within.contains(&row.input);
        }
        let drawn = split::plan(&rows, Decided::default(), settings);
        let placement = |(split, leaks, by_file)| Placement {
            split: Some(split),
            leaks,
            by_file,
        };
        if self.groups.is_empty() {
            return drawn
                .into_iter()
                .map(|split| placement((split, false, false)))
                .collect();
        }
        for row in &mut rows {
            row.held_out = self.groups.contains(&row.input);
        }
        let splits = split::plan(&rows, Decided::default(), settings);
        let placements = rows
            .iter()
            .zip(drawn)
            .zip(splits)
            .map(|((row, drawn), split)| {
                let by_version = self.by_versions.contains(&row.input);
                let leaks = by_version && drawn == Split::Train;
                let by_file = !by_version && self.by_file.contains(&row.input);
                placement((split, leaks, by_file))
            });
        placements.collect()
    }
}
