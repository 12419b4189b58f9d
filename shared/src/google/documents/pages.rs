//! Queries that are read page by page, to their end.
//!
//! A list that stops at a fixed number hides what comes after it: with 600 runs that await approval,
//! the first 500 of an unordered query may hold no run that is live. The pages here are ordered by what
//! they continue from, so that none is skipped and none is read twice.

use firestore::{
    FirestoreDb, FirestoreDocument, FirestoreQueryCursor, FirestoreQueryDirection,
    FirestoreReference, FirestoreValue, errors::FirestoreError,
};
use futures::{TryFutureExt as _, future::BoxFuture};
use serde::Deserialize;

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

/// Where the next page of a query begins.
#[derive(Debug, Clone)]
pub struct PagePosition(Vec<FirestoreValue>);

/// One page of a query.
struct PageQuery<'a> {
    collection: &'a str,
    equal: &'a [(&'a str, FirestoreValue)],
    /// The field that is ordered by before the name, if there is one.
    order: Option<&'a str>,
    /// Its least value.
    since: Option<FirestoreValue>,
    /// Its greatest value.
    until: Option<FirestoreValue>,
    after: Option<PagePosition>,
    limit: u32,
}

impl<'a> PageQuery<'a> {
    /// All of a collection, in the order of names.
    fn of(collection: &'a str) -> Self {
        Self {
            collection,
            equal: &[],
            order: None,
            since: None,
            until: None,
            after: None,
            limit: PAGE,
        }
    }
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
        let query = PageQuery {
            equal,
            ..PageQuery::of(T::COLLECTION)
        };
        let documents = self.all_pages(query).await?;
        Ok(documents.iter().filter_map(readable).collect())
    }

    /// Reads the first `limit` documents that have `field`, in the order of that field, up to `until` of it
    /// where that is given.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub async fn first_by<T: Document>(
        &self,
        field: &str,
        until: Option<String>,
        limit: u32,
    ) -> Result<Vec<Stored<T>>, Error> {
        let query = PageQuery {
            order: Some(field),
            until: until.map(Into::into),
            limit,
            ..PageQuery::of(T::COLLECTION)
        };
        let documents = self.one_page(&query).await?;
        Ok(documents.iter().filter_map(readable).collect())
    }

    /// Reads a page of the documents whose `field` is at least `since`, in the order of that field: the first
    /// one, or the one `after` another; and where the next one begins, if there may be one.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub async fn page_since<T: Document>(
        &self,
        field: &str,
        since: String,
        after: Option<PagePosition>,
    ) -> Result<(Vec<Stored<T>>, Option<PagePosition>), Error> {
        let query = PageQuery {
            order: Some(field),
            since: Some(since.into()),
            after,
            ..PageQuery::of(T::COLLECTION)
        };
        let documents = self.one_page(&query).await?;
        let next = query.next(&documents);
        Ok((documents.iter().filter_map(readable).collect(), next))
    }

    /// Reads a page of the documents in which each field of `equal` has its value, in the order of their names:
    /// the first one, or the one `after` another; and where the next one begins, if there may be one.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub async fn page_where<T: Document>(
        &self,
        equal: &[(&str, FirestoreValue)],
        after: Option<PagePosition>,
    ) -> Result<(Vec<Stored<T>>, Option<PagePosition>), Error> {
        let query = PageQuery {
            equal,
            after,
            ..PageQuery::of(T::COLLECTION)
        };
        let documents = self.one_page(&query).await?;
        let next = query.next(&documents);
        Ok((documents.iter().filter_map(readable).collect(), next))
    }

    /// How many documents have a `field` below `below`.
    ///
    /// # Errors
    ///
    /// Where they cannot be counted.
    pub async fn count_below<T: Document>(&self, field: &str, below: &str) -> Result<u64, Error> {
        self.count(T::COLLECTION, field, below).await
    }

    fn count<'a>(
        &'a self,
        collection: &'a str,
        field: &'a str,
        below: &'a str,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        let counted = async move {
            let select = self.db().await?.fluent().select().from(collection);
            let select = select.filter(|fields| fields.field(field).less_than(below));
            let counts = select.aggregate(|it| it.fields([it.field(COUNT).count()]));
            counts.query().await
        };
        Box::pin(async move {
            let counted = counted.await.map_err(failed)?;
            let number = counted
                .first()
                .and_then(|counted| FirestoreDb::deserialize_doc_to::<Counted>(counted).ok());
            let number = number.ok_or_else(|| Error::Internal {
                what: "an answer without a count",
                source: format!("of `{collection}`").into(),
            })?;
            Ok(number.count)
        })
    }

    /// Every page of a query, joined: it knows no type of document, so its code is generated here, once.
    fn all_pages<'a>(
        &'a self,
        mut query: PageQuery<'a>,
    ) -> BoxFuture<'a, Result<Vec<FirestoreDocument>, Error>> {
        Box::pin(async move {
            let mut all = Vec::new();
            loop {
                let page = self.page(&query).map_err(failed).await?;
                query.after = query.next(&page);
                all.extend(page);
                if query.after.is_none() {
                    return Ok(all);
                }
                if all.len() >= DOCUMENTS_MAX {
                    return Err(Error::Internal {
                        what: "a query with more documents than may be read at once",
                        source: format!("`{}` has at least {DOCUMENTS_MAX}", query.collection)
                            .into(),
                    });
                }
            }
        })
    }

    fn one_page<'a>(
        &'a self,
        query: &'a PageQuery<'_>,
    ) -> BoxFuture<'a, Result<Vec<FirestoreDocument>, Error>> {
        Box::pin(self.page(query).map_err(failed))
    }

    async fn page(&self, query: &PageQuery<'_>) -> Result<Vec<FirestoreDocument>, FirestoreError> {
        let select = self.db().await?.fluent().select();
        let select = select.from(query.collection).limit(query.limit);
        let select = select.filter(|fields| {
            let equal = query
                .equal
                .iter()
                .map(|(field, value)| fields.field(field).eq(value.clone()));
            let ordered = query.order.map(|field| {
                let since = query.since.clone();
                let until = query.until.clone();
                [
                    since.and_then(|value| fields.field(field).greater_than_or_equal(value)),
                    until.and_then(|value| fields.field(field).less_than_or_equal(value)),
                ]
            });
            fields.for_all(equal.chain(ordered.into_iter().flatten()))
        });
        let select = select.order(|order| {
            let ascending = FirestoreQueryDirection::Ascending;
            let fields = query.order.into_iter().chain([NAME]);
            order.fields(fields.map(|field| order.field(field).direction(ascending.clone())))
        });
        let select = match &query.after {
            Some(PagePosition(values)) => {
                select.start_at(FirestoreQueryCursor::AfterValue(values.clone()))
            }
            None => select,
        };
        select.query().await
    }
}

/// The name of a count in its answer.
const COUNT: &str = "count";

/// The answer to a count.
#[derive(Deserialize)]
struct Counted {
    count: u64,
}

impl PageQuery<'_> {
    /// Where the page after `page` begins; `None` where that was the last one.
    fn next(&self, page: &[FirestoreDocument]) -> Option<PagePosition> {
        let is_last = u32::try_from(page.len()).is_ok_and(|read| read < self.limit);
        let last = page.last().filter(|_| !is_last)?;
        let name = FirestoreReference(last.name.clone()).into();
        let value = |field: &str| last.fields.get(field).cloned();
        let field = self.order.and_then(value).map(FirestoreValue::from);
        Some(PagePosition(field.into_iter().chain([name]).collect()))
    }
}
