//! Firestore: typed documents, created if absent and replaced if unchanged.
//!
//! Nothing is ever written blindly: a write either finds the document missing, or finds it
//! as it was read. Whoever loses looks again.

use std::{fmt, sync::Arc, time::Duration};

use firestore::{
    FirestoreDb, FirestoreDbOptions, FirestoreValue, FirestoreWritePrecondition,
    errors::FirestoreError,
};
use google_cloud_auth::credentials::Credentials;
use serde::{Serialize, de::DeserializeOwned};

use tracing::error;

use crate::{
    error::{Chain, Error, Source},
    google::StartError,
};

/// Longest that one call may take.
const CALL_MAX: Duration = Duration::from_secs(20);

/// A value that is kept in Firestore.
pub trait Document: Serialize + DeserializeOwned + Send + Sync {
    /// The collection it is kept in.
    const COLLECTION: &'static str;
}

/// A document as it was read: the value, and the state of it that a replacement relies on.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    /// The value.
    pub value: T,
    update_time: Option<firestore::jiff::Timestamp>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Write {
    /// It took place.
    Done,
    /// Someone was faster: the document exists already, or has changed since.
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

/// The database.
#[derive(Clone)]
pub struct Documents(Arc<FirestoreDb>);

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Documents")
    }
}

impl Documents {
    pub(crate) async fn connect(
        project: &str,
        url: Option<String>,
        credentials: Credentials,
    ) -> Result<Self, StartError> {
        let mut options =
            FirestoreDbOptions::new(project.to_owned()).with_request_timeout(CALL_MAX);
        options.firebase_api_url = url;
        let db = FirestoreDb::with_options_auth(options, credentials)
            .await
            .map_err(|error| StartError::of("Firestore")(error.into()))?;
        Ok(Self(Arc::new(db)))
    }

    /// Reads the document called `id`.
    pub async fn get<T: Document>(&self, id: &str) -> Result<Option<Stored<T>>, Error> {
        let document = self
            .0
            .fluent()
            .select()
            .by_id_in(T::COLLECTION)
            .one(id)
            .await
            .map_err(away)?;
        document.map(|document| stored(&document)).transpose()
    }

    /// Writes `value` as the document called `id`, unless there is one.
    pub async fn create<T: Document>(&self, id: &str, value: &T) -> Result<Write, Error> {
        let written = self
            .0
            .fluent()
            .insert()
            .into(T::COLLECTION)
            .document_id(id)
            .object(value)
            .execute::<()>()
            .await;
        outcome(written)
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
        let written = self
            .0
            .fluent()
            .update()
            .in_col(T::COLLECTION)
            .precondition(unchanged)
            .document_id(id)
            .object(value)
            .execute::<()>()
            .await;
        outcome(written)
    }

    /// Writes `value` as the document called `id`, whatever is there.
    ///
    /// For documents that one function alone derives from elsewhere, such as curves.
    pub async fn put<T: Document>(&self, id: &str, value: &T) -> Result<(), Error> {
        self.0
            .fluent()
            .update()
            .in_col(T::COLLECTION)
            .document_id(id)
            .object(value)
            .execute::<()>()
            .await
            .map_err(away)
    }

    /// Reads up to `limit` documents whose `field` is `value`.
    pub async fn with_field<T: Document>(
        &self,
        field: &str,
        value: impl Into<FirestoreValue> + Send,
        limit: u32,
    ) -> Result<Vec<Stored<T>>, Error> {
        let value = value.into();
        let documents = self
            .0
            .fluent()
            .select()
            .from(T::COLLECTION)
            .filter(|query| query.field(field).eq(value.clone()))
            .limit(limit)
            .query()
            .await
            .map_err(away)?;
        Ok(documents.iter().filter_map(readable).collect())
    }

    /// Reads the `limit` documents with the highest `field`, the highest first.
    pub async fn newest<T: Document>(
        &self,
        field: &str,
        limit: u32,
    ) -> Result<Vec<Stored<T>>, Error> {
        let documents = self
            .0
            .fluent()
            .select()
            .from(T::COLLECTION)
            .order(|order| order.fields([order.field(field).desc()]))
            .limit(limit)
            .query()
            .await
            .map_err(away)?;
        Ok(documents.iter().filter_map(readable).collect())
    }
}

fn stored<T: Document>(document: &firestore::FirestoreDocument) -> Result<Stored<T>, Error> {
    let value = FirestoreDb::deserialize_doc_to(document).map_err(|source| Error::Internal {
        what: "a document that does not parse",
        source: source.into(),
    })?;
    let update_time = document
        .update_time
        .and_then(|time| firestore::jiff::Timestamp::new(time.seconds, time.nanos).ok());
    Ok(Stored { value, update_time })
}

/// A document of a list; one that does not parse must not hide the others.
fn readable<T: Document>(document: &firestore::FirestoreDocument) -> Option<Stored<T>> {
    match stored(document) {
        Ok(stored) => Some(stored),
        Err(error) => {
            let name = &document.name;
            error!(
                outcome = "unreadable_document",
                "left out `{name}`: {}",
                Chain(&error)
            );
            None
        }
    }
}

fn outcome(written: Result<(), FirestoreError>) -> Result<Write, Error> {
    match written {
        Ok(()) => Ok(Write::Done),
        Err(FirestoreError::DataConflictError(_) | FirestoreError::DataNotFoundError(_)) => {
            Ok(Write::Lost)
        }
        Err(FirestoreError::DatabaseError(error))
            if matches!(error.public.code.as_str(), "FailedPrecondition" | "Aborted") =>
        {
            Ok(Write::Lost)
        }
        Err(error) => Err(away(error)),
    }
}

fn away(error: FirestoreError) -> Error {
    Error::unavailable("Firestore")(Source::from(error))
}
