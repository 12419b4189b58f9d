//! Firestore: typed documents, created if absent and replaced if unchanged.
//!
//! Nothing is ever written blindly: a write either finds the document missing, or finds it as it
//! was read. The loser of a race reads again.

mod pages;

use std::{fmt, sync::Arc, time::Duration};

use firestore::{
    FirestoreDb, FirestoreDbOptions, FirestoreDocument, FirestoreValue, FirestoreWritePrecondition,
    errors::FirestoreError,
};
use futures::{TryFutureExt as _, future::BoxFuture};
use google_cloud_auth::credentials::Credentials;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;
use tracing::error;

pub use self::pages::PagePosition;
use crate::{
    error::{Chain, Error},
    outcome::{CallError, Idempotency, RpcCode},
};

/// The service's name in messages.
const SERVICE: &str = "Firestore";

/// Longest that one call may take.
const CALL_MAX: Duration = Duration::from_secs(20);

/// A value that is stored in Firestore.
pub trait Document: Serialize + DeserializeOwned + Send + Sync {
    /// The collection that holds it.
    const COLLECTION: &'static str;

    /// Fields that only queries use, derived from the value at every write: a query by one field needs no
    /// composite index, and can ask for what no stored field says by itself. Reads leave them out.
    fn query_fields(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A document as it was read: the value, and the state of it that a replacement relies on.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    /// Its name in the collection.
    pub id: String,
    /// The value.
    pub value: T,
    /// Whether it was stored with the query fields that it has today: a document that an earlier version
    /// wrote is found by queries once it is written again.
    pub is_indexed: bool,
    update_time: Option<firestore::jiff::Timestamp>,
}

/// The outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Write {
    /// It took place.
    Done,
    /// Another write was faster: the document exists already, or has changed since.
    Lost,
}

impl Write {
    /// Turns a lost race into an error that makes the delivery come again.
    pub fn or_busy(self, what: &'static str) -> Result<(), Error> {
        match self {
            Self::Done => Ok(()),
            Self::Lost => Err(Error::Busy(what.into())),
        }
    }
}

/// The database. The first call connects, so that a function starts although Firestore is
/// unavailable or slow; its first delivery then comes again if need be.
#[derive(Clone)]
pub struct Documents(Arc<Connection>);

struct Connection {
    options: FirestoreDbOptions,
    credentials: Credentials,
    made: OnceCell<FirestoreDb>,
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Documents")
    }
}

impl Documents {
    pub(crate) fn new(project: &str, url: Option<String>, credentials: Credentials) -> Self {
        let mut options =
            FirestoreDbOptions::new(project.to_owned()).with_request_timeout(CALL_MAX);
        options.firebase_api_url = url;
        Self(Arc::new(Connection {
            options,
            credentials,
            made: OnceCell::new(),
        }))
    }

    /// Reads the document called `id`.
    pub async fn get<T: Document>(&self, id: &str) -> Result<Option<Stored<T>>, Error> {
        let document = self.read(T::COLLECTION, id).await?;
        document.map(|document| stored(&document)).transpose()
    }

    /// Writes `value` as the document called `id`, unless there is one.
    pub async fn create<T: Document>(&self, id: &str, value: &T) -> Result<Write, Error> {
        let fields = fields(value)?;
        outcome(self.insert(T::COLLECTION, id, fields).await)
    }

    /// Writes `value` over the document called `id`, if that is still as `before` was read.
    pub async fn replace<T: Document>(
        &self,
        id: &str,
        before: &Stored<T>,
        value: &T,
    ) -> Result<Write, Error> {
        let unchanged = match before.update_time {
            Some(time) => FirestoreWritePrecondition::UpdateTime(time),
            None => FirestoreWritePrecondition::Exists(true),
        };
        let fields = fields(value)?;
        let written = self.update(T::COLLECTION, id, fields, Some(unchanged));
        outcome(written.await)
    }

    /// Writes `value` as the document called `id`, over any that is there.
    ///
    /// For documents that one function alone derives from elsewhere, such as curves.
    pub async fn put<T: Document>(&self, id: &str, value: &T) -> Result<(), Error> {
        let fields = fields(value)?;
        let written = self.update(T::COLLECTION, id, fields, None).await;
        written.map_err(failed)
    }

    /// Reads up to `limit` documents whose `field` is `value`.
    pub async fn with_field<T: Document>(
        &self,
        field: &str,
        value: impl Into<FirestoreValue> + Send,
        limit: u32,
    ) -> Result<Vec<Stored<T>>, Error> {
        let value = value.into();
        let documents = self.equal(T::COLLECTION, field, &value, limit).await?;
        Ok(documents.iter().filter_map(readable).collect())
    }

    /// Reads the `limit` documents with the highest `field`, the highest first.
    pub async fn newest<T: Document>(
        &self,
        field: &str,
        limit: u32,
    ) -> Result<Vec<Stored<T>>, Error> {
        let documents = self.highest(T::COLLECTION, field, limit).await?;
        Ok(documents.iter().filter_map(readable).collect())
    }
}

/// The calls themselves: they know no type of document, so their code is generated here, once.
impl Documents {
    async fn db(&self) -> Result<&FirestoreDb, FirestoreError> {
        let Connection {
            options,
            credentials,
            made,
        } = &*self.0;
        let make = || FirestoreDb::with_options_auth(options.clone(), credentials.clone());
        made.get_or_try_init(make).await
    }

    fn read<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<FirestoreDocument>, Error>> {
        let document = async move {
            let select = self.db().await?.fluent().select();
            select.by_id_in(collection).one(id).await
        };
        Box::pin(document.map_err(failed))
    }

    fn insert<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
        fields: FirestoreDocument,
    ) -> BoxFuture<'a, Result<(), FirestoreError>> {
        Box::pin(async move {
            let insert = self.db().await?.fluent().insert();
            let insert = insert.into(collection).document_id(id);
            insert.document(fields).execute().await.map(drop)
        })
    }

    fn update<'a>(
        &'a self,
        collection: &'a str,
        id: &'a str,
        mut fields: FirestoreDocument,
        precondition: Option<FirestoreWritePrecondition>,
    ) -> BoxFuture<'a, Result<(), FirestoreError>> {
        Box::pin(async move {
            let db = self.db().await?;
            fields.name = db.parent_path(collection, id)?.into();
            let update = db.fluent().update().in_col(collection);
            let update = match precondition {
                Some(precondition) => update.precondition(precondition),
                None => update,
            };
            update.document(fields).execute().await.map(drop)
        })
    }

    fn equal<'a>(
        &'a self,
        collection: &'a str,
        field: &'a str,
        value: &'a FirestoreValue,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<FirestoreDocument>, Error>> {
        let found = async move {
            let select = self.db().await?.fluent().select();
            let select = select.from(collection).limit(limit);
            let select = select.filter(|query| query.field(field).eq(value.clone()));
            select.query().await
        };
        Box::pin(found.map_err(failed))
    }

    fn highest<'a>(
        &'a self,
        collection: &'a str,
        field: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<FirestoreDocument>, Error>> {
        let found = async move {
            let select = self.db().await?.fluent().select();
            let select = select.from(collection).limit(limit);
            let select = select.order(|order| order.fields([order.field(field).desc()]));
            select.query().await
        };
        Box::pin(found.map_err(failed))
    }
}

/// A document that has its fields, and no name yet.
fn fields<T: Document>(value: &T) -> Result<FirestoreDocument, Error> {
    let mut document = FirestoreDb::serialize_to_doc("", value).map_err(failed)?;
    for (name, text) in value.query_fields() {
        let text: FirestoreValue = text.into();
        document.fields.insert(name.to_owned(), text.value);
    }
    Ok(document)
}

fn stored<T: Document>(document: &FirestoreDocument) -> Result<Stored<T>, Error> {
    let value: T = FirestoreDb::deserialize_doc_to(document).map_err(|source| Error::Internal {
        what: "a document that does not parse",
        source: source.into(),
    })?;
    let is_indexed = value.query_fields().into_iter().all(|(name, text)| {
        let text: FirestoreValue = text.into();
        document.fields.get(name) == Some(&text.value)
    });
    let update_time = document
        .update_time
        .and_then(|time| firestore::jiff::Timestamp::new(time.seconds, time.nanos).ok());
    let id = document.name.rsplit('/').next().unwrap_or_default();
    Ok(Stored {
        id: id.to_owned(),
        value,
        is_indexed,
        update_time,
    })
}

/// A document of a list. One that does not parse must not hide the others.
fn readable<T: Document>(document: &FirestoreDocument) -> Option<Stored<T>> {
    match stored(document) {
        Ok(stored) => Some(stored),
        Err(error) => {
            let name = &document.name;
            error!(
                outcome = "unreadable_document",
                "document `{name}` is left out of a list: {}",
                Chain(&error)
            );
            None
        }
    }
}

/// Sorts a write's failures: a precondition that did not hold, or a transaction that another one
/// won, is a lost race.
fn outcome(written: Result<(), FirestoreError>) -> Result<Write, Error> {
    let Err(error) = written else {
        return Ok(Write::Done);
    };
    let error = call_error(error);
    match error.code() {
        Some(
            RpcCode::AlreadyExists
            | RpcCode::NotFound
            | RpcCode::FailedPrecondition
            | RpcCode::Aborted,
        ) => Ok(Write::Lost),
        _ => Err(Error::call(SERVICE)(error)),
    }
}

fn failed(error: FirestoreError) -> Error {
    Error::call(SERVICE)(call_error(error))
}

/// Every call here is idempotent: reads, and writes that name what they expect to find. A create
/// whose answer was lost finds its own document, and is taken for a lost race: the caller reads
/// it and goes on.
fn call_error(error: FirestoreError) -> CallError {
    CallError::of_firestore(error, Idempotency::Idempotent)
}
