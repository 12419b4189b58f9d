//! The database behind the calls: documents, transactions, the clock, and the disk.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Document, TransactionOptions, WriteResult,
    transaction_options::{Mode, ReadOnly, read_only},
};
use prost::Message as _;
use prost_types::Timestamp;
use tokio::sync::watch;

use super::{
    error::Error,
    name::Name,
    query::{self, Query, QueryResults},
    stamp::Stamp,
    store::{CommitPlan, DocumentStore, View},
    transaction::Transactions,
    write,
};
use crate::{
    clock::Clock,
    db::{self, Db},
};

const TABLE: &str = "firestore_documents";

/// All state that a call reads or changes.
#[derive(Debug)]
pub(super) struct State {
    /// All documents.
    pub(super) store: DocumentStore,
    /// All open transactions.
    pub(super) transactions: Transactions,
    /// Wakes the listeners after a commit.
    pub(super) changed: watch::Sender<()>,
    clock: Clock,
    db: Db,
}

/// Which state of the documents a call reads.
#[derive(Debug)]
pub(super) enum Consistency {
    /// The latest.
    Latest,
    /// The state at a time.
    Past(Timestamp),
    /// The state that a transaction sees.
    In(Vec<u8>),
    /// The state of a transaction that starts with this call.
    New(TransactionOptions),
}

/// A read in progress.
#[derive(Debug)]
pub(super) struct Read {
    /// The time of the state that is read.
    pub(super) time: Stamp,
    /// The transaction that started with it, to be returned to the client.
    pub(super) begun: Vec<u8>,
    /// The read-write transaction that must record what it reads.
    transaction: Option<Vec<u8>>,
}

impl State {
    /// Reads back what an earlier process left in `db`.
    pub(super) fn open(db: Db, clock: Clock) -> Result<Self, db::Error> {
        let mut documents = BTreeMap::new();
        for (key, value) in db.scan(TABLE)? {
            match (Name::document(&key), Document::decode(value.as_slice())) {
                (Ok(name), Ok(document)) => {
                    documents.insert(name, Arc::new(document));
                }
                _ => tracing::warn!(
                    document = key,
                    "skipped an unreadable document of the store"
                ),
            }
        }
        let now = clock.now().into();
        Ok(Self {
            store: DocumentStore::new(documents, now),
            transactions: Transactions::new(now),
            changed: watch::Sender::new(()),
            clock,
            db,
        })
    }

    /// The current time.
    pub(super) fn now(&self) -> Stamp {
        self.clock.now().into()
    }

    /// Starts a read.
    pub(super) fn read(&mut self, consistency: Consistency) -> Result<Read, Error> {
        let (id, begun) = match consistency {
            Consistency::Latest => return Ok(Read::at(self.store.read_time(self.now()))),
            Consistency::Past(time) => return Ok(Read::at(self.past(time)?)),
            Consistency::In(id) => (id, Vec::new()),
            Consistency::New(options) => {
                let id = self.begin(options)?;
                (id.clone(), id)
            }
        };
        let time = self.store.read_time(self.now());
        let open = self.transactions.get(&id, Instant::now())?;
        Ok(Read {
            time: open.read_only.unwrap_or(time),
            transaction: open.read_only.is_none().then_some(id),
            begun,
        })
    }

    /// Opens a transaction.
    pub(super) fn begin(&mut self, options: TransactionOptions) -> Result<Vec<u8>, Error> {
        let read_only = match options.mode {
            None => None,
            Some(Mode::ReadWrite(mode)) => {
                // The transaction that is retried holds no locks here, so it gets no preference.
                if !mode.retry_transaction.is_empty() {
                    self.transactions.number(&mode.retry_transaction)?;
                }
                None
            }
            Some(Mode::ReadOnly(ReadOnly {
                consistency_selector: None,
            })) => Some(self.store.read_time(self.now())),
            Some(Mode::ReadOnly(ReadOnly {
                consistency_selector: Some(read_only::ConsistencySelector::ReadTime(time)),
            })) => Some(self.past(time)?),
        };
        Ok(self.transactions.begin(read_only, Instant::now()))
    }

    /// The documents that `read` sees.
    pub(super) fn view(&self, read: &Read) -> Result<View<'_>, Error> {
        view(&self.store, read.time)
    }

    /// Reads one document.
    pub(super) fn read_document(
        &mut self,
        read: &Read,
        name: &Name,
    ) -> Result<Option<Arc<Document>>, Error> {
        let document = self.view(read)?.get(name).cloned();
        if let Some(id) = &read.transaction {
            let version = document
                .as_ref()
                .and_then(|document| write::version(document));
            self.transactions
                .get(id, Instant::now())?
                .record_read(name.clone(), version)?;
        }
        Ok(document)
    }

    /// Runs a query.
    pub(super) fn find(&mut self, read: &Read, query: &Query) -> Result<QueryResults, Error> {
        let found = query.run(&self.view(read)?);
        if let Some(id) = &read.transaction {
            let open = self.transactions.get(id, Instant::now())?;
            open.record_query(query.clone(), query::fingerprint(&found))?;
        }
        Ok(found)
    }

    /// Applies plans, on disk first. Those of one call must not touch the same document.
    pub(super) fn install(&mut self, plans: Vec<CommitPlan>) -> Result<Vec<WriteResult>, Error> {
        let changes = plans.iter().flat_map(|plan| &plan.changes);
        let rows: Vec<_> = changes
            .map(|change| {
                let (table, key) = (TABLE, change.name.to_string());
                match &change.after {
                    Some(document) => db::DbChange::Put {
                        table,
                        key,
                        value: document.encode_to_vec(),
                    },
                    None => db::DbChange::Delete { table, key },
                }
            })
            .collect();
        let is_change = !rows.is_empty();
        if is_change {
            self.db.apply(rows).inspect_err(|error| {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "a commit could not be stored"
                );
            })?;
        }
        let results = plans
            .into_iter()
            .flat_map(|plan| self.store.install(plan))
            .collect();
        if is_change {
            self.changed.send_replace(());
        }
        Ok(results)
    }

    fn past(&mut self, time: Timestamp) -> Result<Stamp, Error> {
        let time = Stamp::from(time);
        if time > self.store.read_time(self.now()) {
            return Err(Error::invalid(
                "The requested 'read_time' is in the future.",
            ));
        }
        view(&self.store, time)?;
        Ok(time)
    }
}

impl Read {
    fn at(time: Stamp) -> Self {
        Self {
            time,
            begun: Vec::new(),
            transaction: None,
        }
    }
}

fn view(store: &DocumentStore, time: Stamp) -> Result<View<'_>, Error> {
    let error = || Error::Unready("The requested 'read_time' is too old.".to_owned());
    store.at(time).ok_or_else(error)
}
