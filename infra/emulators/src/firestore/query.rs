//! Structured queries: parsed and validated once, then run over any view of the documents.

mod position;

use std::sync::Arc;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Cursor, Document, StructuredQuery, Value,
    structured_query::{CollectionSelector, Projection},
};

use self::position::{Bound, OrderBy};
use super::{
    error::Error,
    filter::{self, DocumentFilter},
    name::{self, Name, Segment},
    path::{self, FieldPath},
    stamp::Stamp,
    store::View,
    write,
};

/// A valid query.
#[derive(Debug, Clone)]
pub(super) struct Query {
    parent: Name,
    /// Any collection if it is `None`.
    collection: Option<Segment>,
    descendants: bool,
    filter: Option<DocumentFilter>,
    order: Vec<OrderBy>,
    start: Option<Bound>,
    end: Option<Bound>,
    offset: usize,
    limit: Option<usize>,
    select: Option<Vec<FieldPath>>,
    /// Documents without these are excluded: the fields that are aggregated.
    needs: Vec<FieldPath>,
}

/// The names and versions of the documents that a query found.
pub(super) type ResultVersions = Vec<(Name, Option<Stamp>)>;

/// The results of a query.
#[derive(Debug)]
pub(super) struct QueryResults {
    /// The documents, in order and complete: see [`Query::shown`].
    pub(super) documents: Vec<Arc<Document>>,
    /// How many were skipped because of the offset.
    pub(super) skipped: usize,
}

impl Query {
    /// Parses a query below `parent`.
    pub(super) fn parse(parent: &str, query: StructuredQuery) -> Result<Self, Error> {
        let parent = Name::parent(parent)?;
        if query.find_nearest.is_some() {
            return Err(Error::Unserved("StructuredQuery.find_nearest"));
        }
        let (collection, descendants) = selector(query.from)?;
        let filter = match query.r#where {
            None => None,
            Some(filter) => Some(filter::parse(filter, parent.database_name())?),
        };
        if let Some(filter) = &filter {
            filter::check(filter)?;
        }
        let explicit = query.order_by.len();
        let order = position::orders(query.order_by, filter.as_ref())?;
        let bound = |cursor| Bound::parse(cursor, explicit, &order, parent.database_name());
        let select = |projection: Projection| {
            let paths = projection
                .fields
                .into_iter()
                .map(|field| filter::path(Some(field)));
            paths.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            start: query.start_at.map(bound).transpose()?,
            end: query.end_at.map(bound).transpose()?,
            offset: count(query.offset, "offset")?,
            limit: query.limit.map(|limit| count(limit, "limit")).transpose()?,
            select: query.select.map(select).transpose()?,
            needs: Vec::new(),
            parent,
            collection,
            descendants,
            filter,
            order,
        })
    }

    /// Excludes the documents that lack one of `fields`.
    pub(super) fn needing(self, fields: Vec<FieldPath>) -> Self {
        Self {
            needs: fields,
            ..self
        }
    }

    /// Runs the query.
    pub(super) fn run(&self, view: &View<'_>) -> QueryResults {
        let scope = match &self.collection {
            Some(collection) if !self.descendants => self.parent.within(collection.clone()),
            _ => self.parent.clone(),
        };
        let mut rows: Vec<(Vec<Value>, &Name, &Arc<Document>)> = view
            .under(&scope)
            .into_iter()
            .filter(|(name, document)| self.covers(name) && self.passes(document))
            .filter_map(|(name, document)| Some((self.keys(document)?, name, document)))
            .filter(|(keys, ..)| self.is_within(keys))
            .collect();
        rows.sort_by(|a, b| {
            let keys = position::compare(&self.order, &a.0, &b.0);
            keys.then_with(|| a.1.cmp(b.1))
        });
        let skipped = self.offset.min(rows.len());
        QueryResults {
            documents: rows
                .into_iter()
                .skip(skipped)
                .take(self.limit.unwrap_or(usize::MAX))
                .map(|(.., document)| Arc::clone(document))
                .collect(),
            skipped,
        }
    }

    /// The names and versions of the results: equal if nothing that the query returns has changed.
    pub(super) fn fingerprint(&self, view: &View<'_>) -> ResultVersions {
        fingerprint(&self.run(view))
    }

    /// Whether a document of this name can be among the results.
    pub(super) fn covers(&self, name: &Name) -> bool {
        let near = name.depth() == self.parent.depth() + 2;
        name.is_under(&self.parent)
            && (self.descendants || near)
            && self
                .collection
                .as_ref()
                .is_none_or(|id| name.collection() == Some(id))
    }

    /// A result with the fields that the client selected.
    pub(super) fn shown(&self, document: &Document) -> Document {
        shown(document, self.select.as_deref())
    }

    /// The position right after `document`, as a cursor over all orders.
    pub(super) fn after(&self, document: &Document) -> Cursor {
        Cursor {
            values: self.keys(document).unwrap_or_default(),
            before: false,
        }
    }

    fn passes(&self, document: &Document) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(document))
            && self
                .needs
                .iter()
                .all(|path| path.get(&document.fields).is_some())
    }

    /// The values by which the document is sorted; `None` if it lacks one of the fields.
    fn keys(&self, document: &Document) -> Option<Vec<Value>> {
        let key = |order: &OrderBy| {
            if order.path.is_name() {
                return Some(filter::name_value(document));
            }
            order.path.get(&document.fields).cloned()
        };
        self.order.iter().map(key).collect()
    }

    fn is_within(&self, keys: &[Value]) -> bool {
        let after = |start: &Bound| start.is_passed(&self.order, keys);
        let before = |end: &Bound| !end.is_passed(&self.order, keys);
        self.start.as_ref().is_none_or(after) && self.end.as_ref().is_none_or(before)
    }
}

/// The names and versions of the results.
pub(super) fn fingerprint(found: &QueryResults) -> ResultVersions {
    let one = |document: &Arc<Document>| {
        let name = Name::document(&document.name).ok()?;
        Some((name, write::version(document)))
    };
    found.documents.iter().filter_map(one).collect()
}

/// A document with the fields that `mask` selects; all fields without a mask.
pub(super) fn shown(document: &Document, mask: Option<&[FieldPath]>) -> Document {
    match mask {
        None => document.clone(),
        Some(mask) => Document {
            name: document.name.clone(),
            fields: path::project(&document.fields, mask),
            create_time: document.create_time,
            update_time: document.update_time,
        },
    }
}

fn selector(from: Vec<CollectionSelector>) -> Result<(Option<Segment>, bool), Error> {
    let mut from = from.into_iter();
    let selector = from.next().unwrap_or_default();
    if from.next().is_some() {
        return Err(Error::invalid(
            "StructuredQuery.from cannot have more than one collection selector.",
        ));
    }
    let collection = match selector.collection_id.as_str() {
        "" => None,
        id => Some(name::collection(id)?),
    };
    Ok((collection, selector.all_descendants))
}

fn count(number: i32, what: &str) -> Result<usize, Error> {
    let error = |_| Error::invalid(format!("{what} is negative"));
    usize::try_from(number).map_err(error)
}

#[cfg(test)]
mod tests;
