//! A look through many documents, a page at each tick: where it stopped, and what needs no second look.
//!
//! It is a cache: a process without it begins again. What is stored is the watermark, up to which nothing was
//! left undone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    error::Error,
    google::documents::{Document, Stored},
};

use crate::{State, reconcile};

/// Most subjects that a process remembers to be done: some megabytes.
const DONE_MAX: usize = 50_000;
/// Most subjects whose last publication it remembers.
const PUBLISHED_MAX: usize = 10_000;

/// Up to when everything is known to be done: document `watermarks/{what}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    /// All that came before needs no second look.
    at: DateTime<Utc>,
}

impl Document for Watermark {
    const COLLECTION: &'static str = "watermarks";
}

impl Watermark {
    /// Reads the watermark of `what`.
    pub(crate) async fn read(state: &State, what: &str) -> Result<Option<Stored<Self>>, Error> {
        state.documents.get::<Self>(what).await
    }

    /// The time from which a look begins.
    pub(crate) fn since(stored: Option<&Stored<Self>>, now: DateTime<Utc>) -> String {
        let mark = stored.map(|stored| stored.value.at);
        let since = reconcile::since(mark, now);
        since.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    }

    /// Moves the watermark of `what` to `at`, where that is far enough.
    pub(crate) async fn advance(
        state: &State,
        what: &str,
        stored: Option<Stored<Self>>,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mark = Self { at };
        let _next_tick_if_lost = match stored {
            Some(stored) if at - stored.value.at < reconcile::WATERMARK_STEP => return Ok(()),
            Some(stored) => state.documents.replace(what, &stored, &mark).await?,
            None => state.documents.create(what, &mark).await?,
        };
        Ok(())
    }
}

/// How far a look has come; `P` is where a page begins.
#[derive(Debug)]
pub(crate) struct PageScan<P>(Mutex<ScanState<P>>);

#[derive(Debug)]
struct ScanState<P> {
    /// Where the next page begins; the first one where there is none.
    after: Option<P>,
    /// The oldest time of something undone on the pages so far.
    oldest: Option<DateTime<Utc>>,
    /// What needs no second look.
    done: BTreeSet<String>,
    /// When what is undone was published last.
    published: BTreeMap<String, DateTime<Utc>>,
}

impl<P> Default for PageScan<P> {
    fn default() -> Self {
        Self(Mutex::new(ScanState {
            after: None,
            oldest: None,
            done: BTreeSet::new(),
            published: BTreeMap::new(),
        }))
    }
}

impl<P: Clone> PageScan<P> {
    fn lock(&self) -> MutexGuard<'_, ScanState<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the page of this tick begins.
    pub(crate) fn position(&self) -> Option<P> {
        self.lock().after.clone()
    }

    /// Goes on to `next`, the beginning where there is none; gives the oldest time of something undone in
    /// this round, of which `oldest` is that of this page.
    pub(crate) fn turn(
        &self,
        next: Option<P>,
        oldest: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        let mut scan = self.lock();
        let oldest = scan.oldest.into_iter().chain(oldest).min();
        scan.oldest = oldest.filter(|_| next.is_some());
        scan.after = next;
        oldest
    }

    /// Whether `subject` is not known to be done.
    pub(crate) fn is_open(&self, subject: &str) -> bool {
        !self.lock().done.contains(subject)
    }

    /// Records that `subject` needs no second look.
    pub(crate) fn close(&self, subject: &str) {
        let mut scan = self.lock();
        if scan.done.len() >= DONE_MAX {
            scan.done.clear();
        }
        scan.published.remove(subject);
        scan.done.insert(subject.to_owned());
    }

    /// Whether it is time to publish about `subject` again, `pause` after the last time; if so, that is now.
    pub(crate) fn is_due(&self, subject: &str, pause: TimeDelta, now: DateTime<Utc>) -> bool {
        let mut scan = self.lock();
        let last = scan.published.get(subject);
        if last.is_some_and(|last| now - *last < pause) {
            return false;
        }
        if scan.published.len() >= PUBLISHED_MAX {
            scan.published.clear();
        }
        scan.published.insert(subject.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;

    #[test]
    fn what_is_undone_is_published_again_after_a_pause_until_it_is_done() {
        let scan = PageScan::<u32>::default();
        let due = |minute| scan.is_due("a", TimeDelta::minutes(30), at(minute));
        assert_eq!(
            [0, 1, 29, 30, 59, 60].map(due),
            [true, false, false, true, false, true]
        );
        assert!(
            scan.is_due("b", TimeDelta::minutes(30), at(61)),
            "another one"
        );
        assert!(scan.is_open("a"));
        scan.close("a");
        assert!(!scan.is_open("a"));
    }

    #[test]
    fn the_oldest_of_a_round_is_that_of_all_its_pages() {
        let scan = PageScan::<u32>::default();
        assert_eq!(scan.turn(Some(1), Some(at(5))), Some(at(5)));
        assert_eq!(scan.position(), Some(1));
        assert_eq!(scan.turn(Some(2), Some(at(7))), Some(at(5)));
        assert_eq!(scan.turn(None, None), Some(at(5)), "the end of the round");
        assert_eq!(scan.turn(None, None), None, "another round");
        assert_eq!(scan.position(), None);
    }
}
