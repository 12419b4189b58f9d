//! The documents, and enough of their history to read at a past time and to resume listening.
//!
//! Pure: no clock, no disk. A commit is planned, which changes nothing, then written to disk by the
//! caller, then installed, which cannot fail; so it is atomic.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{Document, Write, WriteResult};
use prost::Message as _;

use super::{
    error::Error,
    name::Name,
    stamp::Stamp,
    write::{self, Edit},
};

/// Changes kept for reads in the past; the service keeps an hour, or seven days.
const HISTORY_MAX_CHANGES: usize = 10_000;
/// Bytes of the documents that the kept changes replaced.
const HISTORY_MAX_BYTES: usize = 64 << 20;

/// All documents of all databases.
#[derive(Debug)]
pub(super) struct DocumentStore {
    by_name: BTreeMap<Name, Arc<Document>>,
    history: VecDeque<DocumentChange>,
    history_bytes: usize,
    /// The earliest time that can still be read at.
    horizon: Stamp,
    /// The latest time returned to any client; commits come after it.
    last: Stamp,
}

/// The effect of a commit on one document.
#[derive(Debug, Clone)]
pub(super) struct DocumentChange {
    /// When.
    pub(super) at: Stamp,
    /// Which document.
    pub(super) name: Name,
    /// The document before; `None` if it was created.
    pub(super) before: Option<Arc<Document>>,
    /// The document after; `None` if it was deleted.
    pub(super) after: Option<Arc<Document>>,
}

/// A commit that can no longer fail.
#[derive(Debug)]
pub(super) struct CommitPlan {
    /// The commit time.
    pub(super) at: Stamp,
    /// One result for each write.
    pub(super) results: Vec<WriteResult>,
    /// One change for each document that differs afterwards.
    pub(super) changes: Vec<DocumentChange>,
}

/// The documents at one point in time.
#[derive(Debug)]
pub(super) struct View<'a> {
    documents: &'a BTreeMap<Name, Arc<Document>>,
    /// What was different then.
    overlay: BTreeMap<&'a Name, Option<&'a Arc<Document>>>,
}

impl DocumentStore {
    /// Takes the stored documents; times before `now` can no longer be read at.
    pub(super) fn new(documents: BTreeMap<Name, Arc<Document>>, now: Stamp) -> Self {
        let newest = documents
            .values()
            .filter_map(|document| write::version(document))
            .max();
        let last = newest.unwrap_or_default().max(now);
        Self {
            by_name: documents,
            history: VecDeque::new(),
            history_bytes: 0,
            horizon: last,
            last,
        }
    }

    /// The time of a read at `now`: all commits so far are before it, all later ones after.
    pub(super) fn read_time(&mut self, now: Stamp) -> Stamp {
        self.last = self.last.max(now);
        self.last
    }

    /// The effect of `writes`, one after the other, at `now`.
    pub(super) fn plan(&self, writes: Vec<Write>, now: Stamp) -> Result<CommitPlan, Error> {
        let edits = writes.into_iter().map(write::parse);
        self.plan_edits(edits.collect::<Result<_, _>>()?, now)
    }

    /// The effect of `edits`, one after the other, at `now`.
    pub(super) fn plan_edits(&self, edits: Vec<Edit>, now: Stamp) -> Result<CommitPlan, Error> {
        let at = now.max(self.last.next());
        let mut staged: BTreeMap<Name, Option<Arc<Document>>> = BTreeMap::new();
        let mut results = Vec::new();
        for edit in edits {
            let name = edit.name.clone();
            let current = match staged.get(&name) {
                Some(staged) => staged.as_ref(),
                None => self.by_name.get(&name),
            };
            let (document, result) = write::apply(edit, current, at)?;
            staged.insert(name, document);
            results.push(result);
        }
        let change = |(name, after): (Name, Option<Arc<Document>>)| {
            let before = self.by_name.get(&name).cloned();
            DocumentChange {
                at,
                name,
                before,
                after,
            }
        };
        let changes = staged
            .into_iter()
            .map(change)
            .filter(DocumentChange::is_real)
            .collect();
        Ok(CommitPlan {
            at,
            results,
            changes,
        })
    }

    /// Applies a plan; no other may have been installed since it was made.
    pub(super) fn install(&mut self, plan: CommitPlan) -> Vec<WriteResult> {
        self.last = self.last.max(plan.at);
        for change in plan.changes {
            match &change.after {
                Some(document) => {
                    self.by_name
                        .insert(change.name.clone(), Arc::clone(document));
                }
                None => {
                    self.by_name.remove(&change.name);
                }
            }
            self.history_bytes += change.weight();
            self.history.push_back(change);
        }
        while self.history.len() > HISTORY_MAX_CHANGES || self.history_bytes > HISTORY_MAX_BYTES {
            let Some(oldest) = self.history.pop_front() else {
                break;
            };
            self.history_bytes -= oldest.weight();
            self.horizon = oldest.at;
        }
        plan.results
    }

    /// The current documents.
    pub(super) fn now(&self) -> View<'_> {
        View {
            documents: &self.by_name,
            overlay: BTreeMap::new(),
        }
    }

    /// The documents at `time`; `None` if that history is gone.
    pub(super) fn at(&self, time: Stamp) -> Option<View<'_>> {
        if !self.remembers(time) {
            return None;
        }
        // From new to old, so that the state right after `time` remains.
        let overlay = self
            .since(time)
            .rev()
            .fold(BTreeMap::new(), |mut overlay, change| {
                overlay.insert(&change.name, change.before.as_ref());
                overlay
            });
        Some(View {
            documents: &self.by_name,
            overlay,
        })
    }

    /// Whether all changes after `time` are kept.
    pub(super) fn remembers(&self, time: Stamp) -> bool {
        time >= self.horizon
    }

    /// The kept changes after `time`, oldest first.
    pub(super) fn since(&self, time: Stamp) -> impl DoubleEndedIterator<Item = &DocumentChange> {
        let start = self.history.partition_point(|change| change.at <= time);
        self.history.range(start..)
    }
}

impl DocumentChange {
    fn is_real(&self) -> bool {
        match (&self.before, &self.after) {
            (None, None) => false,
            (Some(before), Some(after)) => !Arc::ptr_eq(before, after),
            (None, Some(_)) | (Some(_), None) => true,
        }
    }

    fn weight(&self) -> usize {
        self.before
            .as_ref()
            .map_or(0, |document| document.encoded_len())
    }
}

impl<'a> View<'a> {
    /// One document.
    pub(super) fn get(&self, name: &Name) -> Option<&'a Arc<Document>> {
        match self.overlay.get(name) {
            Some(document) => *document,
            None => self.documents.get(name),
        }
    }

    /// All documents below `prefix`, at any depth, by name.
    pub(super) fn under(&self, prefix: &Name) -> BTreeMap<&'a Name, &'a Arc<Document>> {
        let mut documents: BTreeMap<_, _> = self
            .documents
            .range(prefix..)
            .skip_while(|(name, _)| *name == prefix)
            .take_while(|(name, _)| name.is_under(prefix))
            .collect();
        for (name, document) in &self.overlay {
            if name.is_under(prefix) {
                match document {
                    Some(document) => documents.insert(name, document),
                    None => documents.remove(name),
                };
            }
        }
        documents
    }
}

#[cfg(test)]
mod tests;
