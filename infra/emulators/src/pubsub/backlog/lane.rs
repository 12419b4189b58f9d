//! The messages of one ordering key: in order, each only after those before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use chrono::{DateTime, Utc};

use super::Id;

type Candidate = (DateTime<Utc>, Id);

/// One key's messages. Those given out always come before those that wait.
#[derive(Debug, Default)]
pub(super) struct Lane {
    waiting: BTreeMap<Id, DateTime<Utc>>,
    leased: BTreeSet<Id>,
    candidate: Option<Candidate>,
    /// When the last candidate was due: those behind it are never due earlier.
    floor: DateTime<Utc>,
}

impl Lane {
    /// `id` waits until `due`.
    pub(super) fn wait(&mut self, id: Id, due: DateTime<Utc>) {
        self.leased.remove(&id);
        self.waiting.insert(id, due);
    }

    /// `id` was given out.
    pub(super) fn lease(&mut self, id: Id) {
        if let Some(due) = self.waiting.remove(&id) {
            self.floor = due.max(self.floor);
        }
        self.leased.insert(id);
    }

    /// `id` is settled.
    pub(super) fn leave(&mut self, id: Id) {
        self.waiting.remove(&id);
        self.leased.remove(&id);
    }

    /// The earliest message in anyone's hands.
    pub(super) fn first_leased(&self) -> Option<Id> {
        self.leased.first().copied()
    }

    /// What was given out after `id`.
    pub(super) fn leased_after(&self, id: Id) -> Vec<Id> {
        let after = (Bound::Excluded(id), Bound::Unbounded);
        self.leased.range(after).copied().collect()
    }

    /// Whether nothing of the key is left.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.leased.is_empty()
    }

    /// The candidate for a lease as it was, and as it is now.
    pub(super) fn renew_candidate(&mut self) -> (Option<Candidate>, Option<Candidate>) {
        let next = self.waiting.first_key_value();
        let now = next.map(|(id, due)| ((*due).max(self.floor), *id));
        (std::mem::replace(&mut self.candidate, now), now)
    }
}
