//! The position of a document among the results: orders, and cursors.

use std::{cmp::Ordering, collections::BTreeSet};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Cursor, Value,
    structured_query::{self, Direction},
};

use crate::firestore::{
    error::Error,
    filter::{self, DocumentFilter},
    limits,
    path::FieldPath,
    value,
};

/// One field that results are sorted by.
#[derive(Debug, Clone)]
pub(super) struct OrderBy {
    /// The field.
    pub(super) path: FieldPath,
    /// Whether the order is descending.
    pub(super) descending: bool,
}

/// A position in the sorted results: just before or just after these values.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    values: Vec<Value>,
    before: bool,
}

impl Bound {
    /// Parses a cursor over the orders that the query itself names, the first `explicit` ones.
    pub(super) fn parse(
        cursor: Cursor,
        explicit: usize,
        order: &[OrderBy],
        database: &str,
    ) -> Result<Self, Error> {
        if cursor.values.len() > explicit {
            return Err(Error::invalid("Cursor has too many values."));
        }
        for (value, order) in cursor.values.iter().zip(order) {
            limits::operand(value)?;
            if order.path.is_name() {
                let error = "Cursor __key__ value is not a document reference.";
                filter::check_reference(value, database, error)?;
            }
        }
        Ok(Self {
            values: cursor.values,
            before: cursor.before,
        })
    }

    /// Whether a document with these keys comes after the position.
    pub(super) fn is_passed(&self, order: &[OrderBy], keys: &[Value]) -> bool {
        match compare(order, keys, &self.values) {
            Ordering::Less => false,
            Ordering::Equal => self.before,
            Ordering::Greater => true,
        }
    }
}

/// Compares as many values as both have.
pub(super) fn compare(order: &[OrderBy], a: &[Value], b: &[Value]) -> Ordering {
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

/// The requested orders, then the fields of inequalities by name, then the document's name.
///
/// Source: cloud.google.com/firestore/docs/query-data/multiple-range-fields#query_plans and the
/// comment on `StructuredQuery.order_by` in firestore/v1/query.proto.
pub(super) fn orders(
    request: Vec<structured_query::Order>,
    filter: Option<&DocumentFilter>,
) -> Result<Vec<OrderBy>, Error> {
    let mut orders: Vec<OrderBy> = Vec::new();
    for order in request {
        let descending = order.direction() == Direction::Descending;
        let path = filter::path(order.field)?;
        if orders.iter().any(|other| other.path == path) {
            return Err(Error::invalid(
                "order by clause cannot contain duplicate fields",
            ));
        }
        if orders.is_empty() && descending && path.is_name() && !filter.is_some_and(has_field) {
            // No such index exists unless one is created, and Google's emulator creates none.
            return Err(Error::Unready(
                "Firestore does not support descending key scans".to_owned(),
            ));
        }
        orders.push(OrderBy { path, descending });
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
            orders.push(OrderBy { path, descending });
        }
    }
    Ok(orders)
}

/// Whether a field is filtered by, so that another index than that of names serves the query.
fn has_field(filter: &DocumentFilter) -> bool {
    let mut any = false;
    filter.tests(&mut |path, _| any |= !path.is_name());
    any
}
