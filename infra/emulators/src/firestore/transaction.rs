//! Open transactions: what each has read, and whether that is still current.
//!
//! Read-write transactions here are optimistic: reads lock nothing, and a commit is refused with
//! ABORTED if anything read has changed since. The service's default for server clients is
//! pessimistic: reads lock, and another writer waits until the lock's holder ends, or is refused.
//! Either way at most one of two conflicting transactions commits, and the other gets ABORTED at
//! its commit (in the service also at its reads). The difference is which one loses and how long it
//! waits. A write outside of a transaction never waits here.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::{
    error::Error,
    name::Name,
    query::{Query, ResultVersions},
    stamp::Stamp,
    store::DocumentStore,
    write,
};

/// A transaction expires after this time without use.
///
/// Source: cloud.google.com/firestore/quotas, "transaction idle expiration time". Measured on the
/// wall clock, not on the simulated one: it exists for clients that died, whose time is the wall's.
const IDLE_MAX: Duration = Duration::from_mins(1);
/// The maximum age of a transaction. Source: the same page, "transaction time limit".
const LIFE_MAX: Duration = Duration::from_secs(270);
/// Documents and queries that one transaction may read: their versions are held in memory.
const READS_MAX: usize = 100_000;

/// All open transactions.
#[derive(Debug)]
pub(super) struct Transactions {
    /// Distinguishes the transactions of this process from those of an earlier one.
    epoch: Stamp,
    next: u64,
    open: HashMap<u64, Transaction>,
}

/// One open transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    /// The time of the state that a read-only transaction reads.
    pub(super) read_only: Option<Stamp>,
    begun: Instant,
    used: Instant,
    documents: BTreeMap<Name, Option<Stamp>>,
    queries: Vec<(Query, ResultVersions)>,
}

impl Transactions {
    /// No open transactions.
    pub(super) fn new(epoch: Stamp) -> Self {
        Self {
            epoch,
            next: 0,
            open: HashMap::new(),
        }
    }

    /// Opens a transaction, read-only at a time if one is given, and returns its id.
    pub(super) fn begin(&mut self, read_only: Option<Stamp>, now: Instant) -> Vec<u8> {
        self.open.retain(|_, open| open.is_live(now));
        self.next += 1;
        let open = Transaction {
            read_only,
            begun: now,
            used: now,
            documents: BTreeMap::new(),
            queries: Vec::new(),
        };
        self.open.insert(self.next, open);
        let mut id = self.epoch.0.to_be_bytes().to_vec();
        id.extend(self.next.to_be_bytes());
        id
    }

    /// An open transaction, to read in it.
    pub(super) fn get(&mut self, id: &[u8], now: Instant) -> Result<&mut Transaction, Error> {
        let number = self.number(id)?;
        match self.open.get_mut(&number) {
            Some(open) if open.is_live(now) => {
                open.used = now;
                Ok(open)
            }
            _ => Err(expired()),
        }
    }

    /// Ends a transaction, whether its commit succeeds or not.
    pub(super) fn end(&mut self, id: &[u8], now: Instant) -> Result<Transaction, Error> {
        let number = self.number(id)?;
        let open = self.open.remove(&number).ok_or_else(expired)?;
        if open.is_live(now) {
            Ok(open)
        } else {
            Err(expired())
        }
    }

    /// Discards a transaction; one that has already ended is not an error.
    pub(super) fn roll_back(&mut self, id: &[u8]) -> Result<(), Error> {
        let number = self.number(id)?;
        self.open.remove(&number);
        Ok(())
    }

    /// Refuses an id that no transaction ever had.
    pub(super) fn number(&self, id: &[u8]) -> Result<u64, Error> {
        let known = id
            .strip_prefix(&self.epoch.0.to_be_bytes())
            .and_then(|rest| rest.try_into().ok())
            .map(u64::from_be_bytes)
            .filter(|number| (1..=self.next).contains(number));
        known.ok_or_else(|| Error::invalid("Invalid transaction."))
    }
}

impl Transaction {
    /// Records that a document was read at a version, or was absent.
    pub(super) fn record_read(&mut self, name: Name, version: Option<Stamp>) -> Result<(), Error> {
        self.room()?;
        // The first read counts: a later one that differs is a conflict.
        self.documents.entry(name).or_insert(version);
        Ok(())
    }

    /// Records the results of a query, so that a later addition to them is a conflict too.
    pub(super) fn record_query(
        &mut self,
        query: Query,
        found: ResultVersions,
    ) -> Result<(), Error> {
        self.room()?;
        self.queries.push((query, found));
        Ok(())
    }

    /// Refuses a commit that depends on reads that are no longer current.
    pub(super) fn check(&self, store: &DocumentStore) -> Result<(), Error> {
        let view = store.now();
        let same = self.documents.iter().all(|(name, version)| {
            view.get(name).and_then(|document| write::version(document)) == *version
        });
        if same
            && self
                .queries
                .iter()
                .all(|(query, found)| query.fingerprint(&view) == *found)
        {
            return Ok(());
        }
        Err(Error::Contention)
    }

    fn room(&self) -> Result<(), Error> {
        let found = self.queries.iter().map(|(_, found)| found.len() + 1);
        if self.documents.len() + found.sum::<usize>() < READS_MAX {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "A transaction reads no more than {READS_MAX} documents here."
        )))
    }

    fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) <= IDLE_MAX
            && now.saturating_duration_since(self.begun) <= LIFE_MAX
    }
}

fn expired() -> Error {
    Error::invalid("The referenced transaction has expired or is no longer valid.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_expires_when_idle_or_old() {
        let mut all = Transactions::new(Stamp(7));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let idle = all.begin(None, start);
        let busy = all.begin(None, start);
        for seconds in (50..=250).step_by(50) {
            all.get(&busy, after(seconds)).unwrap();
        }
        assert!(all.get(&idle, after(61)).is_err());
        assert!(
            all.get(&busy, after(271)).is_err(),
            "used continuously, but too old"
        );
        assert!(all.end(&busy, after(271)).is_err());
    }

    #[test]
    fn an_ended_transaction_differs_from_one_that_never_existed() {
        let mut all = Transactions::new(Stamp(7));
        let now = Instant::now();
        let id = all.begin(None, now);
        all.end(&id, now).unwrap();
        assert!(all.end(&id, now).is_err());
        all.roll_back(&id).unwrap();
        assert!(all.roll_back(b"garbage").is_err());
        assert!(
            Transactions::new(Stamp(8)).roll_back(&id).is_err(),
            "of another process"
        );
    }
}
