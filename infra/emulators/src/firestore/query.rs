//! Structured queries: parsed and checked once, then run over any view of the documents.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Cursor, Document, StructuredQuery, Value,
    structured_query::{self, CollectionSelector, Direction, Projection},
};

use super::{
    fault::Fault,
    filter::{self, Filter},
    limits,
    name::{self, Name, Segment},
    path::{self, FieldPath},
    stamp::Stamp,
    store::View,
    value, write,
};

/// A query that is valid.
#[derive(Debug, Clone)]
pub(super) struct Query {
    parent: Name,
    /// Any collection where there is none.
    collection: Option<Segment>,
    descendants: bool,
    filter: Option<Filter>,
    order: Vec<Order>,
    start: Option<Bound>,
    end: Option<Bound>,
    offset: usize,
    limit: Option<usize>,
    select: Option<Vec<FieldPath>>,
    /// Documents without these are left out: what is aggregated over.
    needs: Vec<FieldPath>,
}

#[derive(Debug, Clone)]
struct Order {
    path: FieldPath,
    descending: bool,
}

/// A position among the sorted documents: just before or just after these values.
#[derive(Debug, Clone)]
struct Bound {
    values: Vec<Value>,
    before: bool,
}

/// Which versions of which documents a query found.
pub(super) type Versions = Vec<(Name, Option<Stamp>)>;

/// What a query found.
#[derive(Debug)]
pub(super) struct Found {
    /// The documents, in order, whole: see [`Query::shown`].
    pub(super) documents: Vec<Arc<Document>>,
    /// How many were passed over for the offset.
    pub(super) skipped: usize,
}

impl Query {
    /// Reads a query for what is in `parent`.
    pub(super) fn parse(parent: &str, query: StructuredQuery) -> Result<Self, Fault> {
        let parent = Name::parent(parent)?;
        if query.find_nearest.is_some() {
            return Err(Fault::Unserved("StructuredQuery.find_nearest"));
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
        let order = order(query.order_by, filter.as_ref())?;
        let bound = |cursor| bound(cursor, explicit, &order, parent.database_name());
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

    /// Leaves out the documents that lack one of `fields`.
    pub(super) fn needing(self, fields: Vec<FieldPath>) -> Self {
        Self {
            needs: fields,
            ..self
        }
    }

    /// Runs the query.
    pub(super) fn run(&self, view: &View<'_>) -> Found {
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
            let keys = compare(&self.order, &a.0, &b.0);
            keys.then_with(|| a.1.cmp(b.1))
        });
        let skipped = self.offset.min(rows.len());
        Found {
            documents: rows
                .into_iter()
                .skip(skipped)
                .take(self.limit.unwrap_or(usize::MAX))
                .map(|(.., document)| Arc::clone(document))
                .collect(),
            skipped,
        }
    }

    /// Which versions of which documents the query finds: equal when nothing it shows has changed.
    pub(super) fn fingerprint(&self, view: &View<'_>) -> Versions {
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

    /// A result as the client is to see it.
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

    /// What the document is sorted by; nothing where it lacks one of the fields.
    fn keys(&self, document: &Document) -> Option<Vec<Value>> {
        let key = |order: &Order| {
            if order.path.is_name() {
                return Some(filter::name_value(document));
            }
            order.path.get(&document.fields).cloned()
        };
        self.order.iter().map(key).collect()
    }

    fn is_within(&self, keys: &[Value]) -> bool {
        let position = |bound: &Bound| (compare(&self.order, keys, &bound.values), bound.before);
        self.start
            .as_ref()
            .map(position)
            .is_none_or(|(order, before)| {
                order == Ordering::Greater || (before && order == Ordering::Equal)
            })
            && self
                .end
                .as_ref()
                .map(position)
                .is_none_or(|(order, before)| {
                    order == Ordering::Less || (!before && order == Ordering::Equal)
                })
    }
}

/// The versions of what a query found.
pub(super) fn fingerprint(found: &Found) -> Versions {
    let one = |document: &Arc<Document>| {
        let name = Name::document(&document.name).ok()?;
        Some((name, write::version(document)))
    };
    found.documents.iter().filter_map(one).collect()
}

/// A document with the fields that `mask` shows; all without one.
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

/// Compares as many values as both have.
fn compare(order: &[Order], a: &[Value], b: &[Value]) -> Ordering {
    order
        .iter()
        .zip(a.iter().zip(b))
        .map(|(order, (a, b))| {
            let ascending = value::compare(a, b);
            if order.descending {
                ascending.reverse()
            } else {
                ascending
            }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn selector(from: Vec<CollectionSelector>) -> Result<(Option<Segment>, bool), Fault> {
    let mut from = from.into_iter();
    let selector = from.next().unwrap_or_default();
    if from.next().is_some() {
        return Err(Fault::invalid(
            "StructuredQuery.from cannot have more than one collection selector.",
        ));
    }
    let collection = match selector.collection_id.as_str() {
        "" => None,
        id => Some(name::collection(id)?),
    };
    Ok((collection, selector.all_descendants))
}

/// The orders asked for, then the fields of inequalities by name, then the document's name.
///
/// Source: cloud.google.com/firestore/docs/query-data/multiple-range-fields#query_plans and the
/// comment on `StructuredQuery.order_by` in firestore/v1/query.proto.
fn order(
    asked: Vec<structured_query::Order>,
    filter: Option<&Filter>,
) -> Result<Vec<Order>, Fault> {
    let mut orders: Vec<Order> = Vec::new();
    for order in asked {
        let descending = order.direction() == Direction::Descending;
        let path = filter::path(order.field)?;
        if orders.iter().any(|other| other.path == path) {
            return Err(Fault::invalid(
                "order by clause cannot contain duplicate fields",
            ));
        }
        if orders.is_empty() && descending && path.is_name() && !filter.is_some_and(has_field) {
            // There is no such index unless one is made, and Google's emulator makes none.
            return Err(Fault::Unready(
                "Firestore does not support descending key scans".to_owned(),
            ));
        }
        orders.push(Order { path, descending });
    }
    let descending = orders.last().is_some_and(|order| order.descending);
    let mut implied = BTreeSet::new();
    if let Some(filter) = filter {
        filter.tests(&mut |path, test| {
            if test.is_inequality() && !path.is_name() {
                implied.insert(path.clone());
            }
        });
    }
    for path in implied.into_iter().chain([FieldPath::name()]) {
        if orders.iter().all(|order| order.path != path) {
            orders.push(Order { path, descending });
        }
    }
    Ok(orders)
}

/// Whether a field is filtered by, so that an index other than that of names serves the query.
fn has_field(filter: &Filter) -> bool {
    let mut any = false;
    filter.tests(&mut |path, _| any |= !path.is_name());
    any
}

fn bound(cursor: Cursor, explicit: usize, order: &[Order], database: &str) -> Result<Bound, Fault> {
    if cursor.values.len() > explicit {
        return Err(Fault::invalid("Cursor has too many values."));
    }
    for (value, order) in cursor.values.iter().zip(order) {
        limits::operand(value)?;
        if order.path.is_name() {
            let fault = "Cursor __key__ value is not a document reference.";
            filter::check_reference(value, database, fault)?;
        }
    }
    Ok(Bound {
        values: cursor.values,
        before: cursor.before,
    })
}

fn count(number: i32, what: &str) -> Result<usize, Fault> {
    let fault = |_| Fault::invalid(format!("{what} is negative"));
    usize::try_from(number).map_err(fault)
}

#[cfg(test)]
mod tests;
