//! Which filters a query may combine: rules that concern all of its filters together.

use super::{DocumentFilter, FieldTest};
use crate::firestore::error::Error;

/// Maximum of disjunctions of one query in disjunctive normal form.
/// Source: cloud.google.com/firestore/docs/query-data/queries#limits_on_or_queries.
const DISJUNCTIONS_MAX: usize = 30;

/// Refuses combinations that the service refuses.
pub(in super::super) fn check(filter: &DocumentFilter) -> Result<(), Error> {
    let (mut negatives, mut excludes, mut lists) = (0, false, false);
    filter.tests(&mut |_, test| {
        excludes |= matches!(test, FieldTest::NotIn(_));
        lists |= matches!(test, FieldTest::In(_) | FieldTest::ContainsAny(_));
        if matches!(
            test,
            FieldTest::Differs(_)
                | FieldTest::NotIn(_)
                | FieldTest::Nan(false)
                | FieldTest::Null(false)
        ) {
            negatives += 1;
        }
    });
    if negatives > 1 {
        return Err(Error::invalid(
            "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
        ));
    }
    if excludes && (lists || has_alternatives(filter)) {
        return Err(Error::invalid(
            "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.",
        ));
    }
    if contains(filter) > 1 {
        return Err(Error::invalid(
            "A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.",
        ));
    }
    if disjunctions(filter) > DISJUNCTIONS_MAX {
        return Err(Error::invalid(format!(
            "A query has no more than {DISJUNCTIONS_MAX} disjunctions in disjunctive normal form."
        )));
    }
    Ok(())
}

fn disjunctions(filter: &DocumentFilter) -> usize {
    match filter {
        DocumentFilter::All(parts) => parts
            .iter()
            .map(disjunctions)
            .fold(1, usize::saturating_mul),
        DocumentFilter::Any(parts) => parts
            .iter()
            .map(disjunctions)
            .fold(0, usize::saturating_add),
        DocumentFilter::Field(_, FieldTest::In(values) | FieldTest::ContainsAny(values)) => {
            values.len()
        }
        DocumentFilter::Field(..) => 1,
    }
}

fn has_alternatives(filter: &DocumentFilter) -> bool {
    match filter {
        DocumentFilter::All(parts) => parts.iter().any(has_alternatives),
        DocumentFilter::Any(_) => true,
        DocumentFilter::Field(..) => false,
    }
}

fn contains(filter: &DocumentFilter) -> usize {
    match filter {
        DocumentFilter::All(parts) => parts.iter().map(contains).sum(),
        DocumentFilter::Any(parts) => parts.iter().map(contains).max().unwrap_or_default(),
        DocumentFilter::Field(_, FieldTest::Contains(_) | FieldTest::ContainsAny(_)) => 1,
        DocumentFilter::Field(..) => 0,
    }
}
