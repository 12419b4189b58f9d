//! Queries that are read page by page, to their end.
//!
//! A list that stops at a fixed number hides what comes after it: with 600 runs that await approval,
//! the first 500 of an unordered query may hold no run that is live. The pages here are ordered by what
//! they continue from, so that none is skipped and none is read twice.

use firestore::{
    FirestoreDocument, FirestoreQueryCursor, FirestoreQueryDirection, FirestoreReference,
    FirestoreValue, errors::FirestoreError,
};
use futures::{TryFutureExt as _, future::BoxFuture};

use super::{Document, Documents, Stored, failed, readable};
use crate::error::Error;

/// Documents of one page. A run takes some kilobytes: a page stays far below the 10 MiB of a gRPC answer
/// that clients of Firestore expect.
const PAGE: u32 = 300;
/// Most documents of one query. Ten times the runs that a storm of uploads makes; a query above it is
/// one that needs a narrower filter, and says so instead of filling the memory.
const DOCUMENTS_MAX: usize = 100_000;
/// The name of a document, as a field of queries.
const NAME: &str = "__name__";

/// One page of a query.
struct PageQuery<'a> {
    collection: &'a str,
    equal: &'a [(&'a str, FirestoreValue)],
    /// The field that is ordered by before the name, and its least value.
    since: Option<(&'a str, FirestoreValue)>,
    after: Option<Vec<FirestoreValue>>,
}

impl Documents {
    /// Reads every document in which each field of `equal` has its value, in the order of their names.
    ///
    /// Firestore merges its indexes of single fields for this, so that it needs no composite index
    /// (<https://firebase.google.com/docs/firestore/query-data/index-overview#taking_advantage_of_index_merging>).
    ///
    /// # Errors
    ///
    /// Where a page cannot be read, or there are more than 100,000 documents.
    pub async fn query_all<T: Document>(
        &self,
        equal: &[(&str, FirestoreValue)],
    ) -> Result<Vec<Stored<T>>, Error> {
        let documents = self.all_pages(T::COLLECTION, equal, None).await?;
        Ok(documents.iter().filter_map(readable).collect())
    }

    /// Reads every document whose `field` is at least `since`, in the order of that field.
    ///
    /// # Errors
    ///
    /// As [`Documents::query_all`].
    pub async fn query_since<T: Document>(
        &self,
        field: &str,
        since: impl Into<FirestoreValue> + Send,
    ) -> Result<Vec<Stored<T>>, Error> {
        let since = Some((field, since.into()));
        let documents = self.all_pages(T::COLLECTION, &[], since).await?;
        Ok(documents.iter().filter_map(readable).collect())
    }

    /// Every page of a query, joined: it knows no type of document, so its code is generated here, once.
    fn all_pages<'a>(
        &'a self,
        collection: &'a str,
        equal: &'a [(&'a str, FirestoreValue)],
        since: Option<(&'a str, FirestoreValue)>,
    ) -> BoxFuture<'a, Result<Vec<FirestoreDocument>, Error>> {
        Box::pin(async move {
            let mut all = Vec::new();
            let mut after = None;
            loop {
                let query = PageQuery {
                    collection,
                    equal,
                    since: since.clone(),
                    after,
                };
                let page = self.page(&query).map_err(failed).await?;
                let is_last = u32::try_from(page.len()).is_ok_and(|read| read < PAGE);
                after = page.last().map(|last| query.position(last));
                all.extend(page);
                if is_last {
                    return Ok(all);
                }
                if all.len() >= DOCUMENTS_MAX {
                    return Err(Error::Internal {
                        what: "a query with more documents than may be read at once",
                        source: format!("`{collection}` has at least {DOCUMENTS_MAX}").into(),
                    });
                }
            }
        })
    }

    async fn page(&self, query: &PageQuery<'_>) -> Result<Vec<FirestoreDocument>, FirestoreError> {
        let select = self.db().await?.fluent().select();
        let select = select.from(query.collection).limit(PAGE);
        let select = select.filter(|fields| {
            let equal = query
                .equal
                .iter()
                .map(|(field, value)| fields.field(field).eq(value.clone()));
            let since = query
                .since
                .iter()
                .map(|(field, value)| fields.field(field).greater_than_or_equal(value.clone()));
            fields.for_all(equal.chain(since))
        });
        let select = select.order(|order| {
            let ascending = FirestoreQueryDirection::Ascending;
            let field = query.since.iter().map(|(field, _)| *field);
            let fields = field.chain([NAME]);
            order.fields(fields.map(|field| order.field(field).direction(ascending.clone())))
        });
        let select = match &query.after {
            Some(values) => select.start_at(FirestoreQueryCursor::AfterValue(values.clone())),
            None => select,
        };
        select.query().await
    }
}

impl PageQuery<'_> {
    /// The position of `document` in the order of the query.
    fn position(&self, document: &FirestoreDocument) -> Vec<FirestoreValue> {
        let name = FirestoreReference(document.name.clone()).into();
        let value = |field: &str| document.fields.get(field).cloned();
        let field = self.since.iter().filter_map(|(field, _)| value(field));
        field.map(FirestoreValue::from).chain([name]).collect()
    }
}
