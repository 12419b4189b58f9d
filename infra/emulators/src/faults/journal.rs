//! The journal: every call that changes something, in order of arrival, with its status.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::call::ObservedCall;
use crate::clock::Clock;

/// Entries kept; the oldest are dropped first. A whole run of the chain makes some hundreds.
const ENTRIES_MAX: usize = 10_000;

/// The journal; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    clock: Clock,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    kept: VecDeque<JournalEntry>,
}

/// One call.
#[derive(Debug, Clone, Serialize)]
pub(super) struct JournalEntry {
    /// Counts from 1 in order of arrival; never reused, even after a clear.
    seq: u64,
    at: DateTime<Utc>,
    caller: String,
    method: String,
    path: String,
    query: String,
    /// Resource names in path, query and body, truncated.
    resource: String,
    /// `null` while in progress; then the gRPC code (`Ok`, `Aborted`), the HTTP status, or
    /// `caller left` when the caller did not wait for the answer.
    status: Option<String>,
    /// The fault that fired.
    fault: Option<u64>,
}

/// The answer to a reader of the journal.
#[derive(Debug, Serialize)]
pub(super) struct JournalPage {
    entries: Vec<JournalEntry>,
    /// The value of `since` for the next page.
    next: u64,
}

impl Journal {
    pub(super) fn new(clock: Clock) -> Self {
        let entries = Arc::default();
        Self { clock, entries }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry for `call`.
    pub(super) fn begin(&self, call: &ObservedCall) -> OpenEntry {
        let mut entries = self.entries();
        entries.last += 1;
        let seq = entries.last;
        entries.kept.push_back(JournalEntry {
            seq,
            at: self.clock.now(),
            caller: call.caller.clone(),
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            resource: call.resource(),
            status: None,
            fault: None,
        });
        if entries.kept.len() > ENTRIES_MAX {
            entries.kept.pop_front();
        }
        OpenEntry {
            journal: self.clone(),
            seq,
        }
    }

    /// The entries after `since`.
    pub(super) fn since(&self, since: u64) -> JournalPage {
        let entries = self.entries();
        let after = entries.kept.iter().filter(|entry| entry.seq > since);
        JournalPage {
            entries: after.cloned().collect(),
            next: entries.last,
        }
    }

    /// Deletes all entries.
    pub(super) fn clear(&self) {
        self.entries().kept.clear();
    }
}

/// A handle to an entry that is still in progress.
#[derive(Debug)]
pub(super) struct OpenEntry {
    journal: Journal,
    seq: u64,
}

impl OpenEntry {
    fn change(&self, change: impl FnOnce(&mut JournalEntry)) {
        let mut entries = self.journal.entries();
        // The newest entries are at the back, and an entry is completed soon after it is added.
        let mut newest_first = entries.kept.iter_mut().rev();
        if let Some(entry) = newest_first.find(|entry| entry.seq == self.seq) {
            change(entry);
        }
    }

    /// Records the status of the answer.
    pub(super) fn record_status(&mut self, status: &str) {
        self.change(|entry| entry.status = Some(status.to_owned()));
    }

    /// Records which fault fired.
    pub(super) fn record_fault(&mut self, fault: u64) {
        self.change(|entry| entry.fault = Some(fault));
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        self.change(|entry| {
            entry.status.get_or_insert_with(|| "caller left".to_owned());
        });
    }
}
