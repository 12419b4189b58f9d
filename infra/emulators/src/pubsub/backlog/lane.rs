//! The messages of one ordering key, each deliverable only after those before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use chrono::{DateTime, Utc};

use super::Id;

type Candidate = (DateTime<Utc>, Id);

/// One key's messages. Leased ones always precede waiting ones.
#[derive(Debug, Default)]
pub(super) struct Lane {
    waiting: BTreeMap<Id, DateTime<Utc>>,
    leased: BTreeSet<Id>,
    candidate: Option<Candidate>,
    /// When the last candidate was due: messages behind it are never due earlier.
    floor: DateTime<Utc>,
}

impl Lane {
    /// `id` waits until `due`.
    pub(super) fn wait(&mut self, id: Id, due: DateTime<Utc>) {
        self.leased.remove(&id);
        self.waiting.insert(id, due);
    }

    /// `id` was leased.
    pub(super) fn lease(&mut self, id: Id) {
        if let Some(due) = self.waiting.remove(&id) {
            self.floor = due.max(self.floor);
        }
        self.leased.insert(id);
    }

    /// `id` was acknowledged or removed.
    pub(super) fn leave(&mut self, id: Id) {
        self.waiting.remove(&id);
        self.leased.remove(&id);
    }

    /// The earliest leased message.
    pub(super) fn first_leased(&self) -> Option<Id> {
        self.leased.first().copied()
    }

    /// What was leased after `id`.
    pub(super) fn leased_after(&self, id: Id) -> Vec<Id> {
        let after = (Bound::Excluded(id), Bound::Unbounded);
        self.leased.range(after).copied().collect()
    }

    /// Whether the key has no messages left.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.leased.is_empty()
    }

    /// The candidate for a lease, before and after the change.
    pub(super) fn renew_candidate(&mut self) -> (Option<Candidate>, Option<Candidate>) {
        let next = self.waiting.first_key_value();
        let now = next.map(|(id, due)| ((*due).max(self.floor), *id));
        (std::mem::replace(&mut self.candidate, now), now)
    }
}
