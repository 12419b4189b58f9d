//! Which filters a query may combine: rules that concern all of its filters together.

use super::{Filter, Test};
use crate::firestore::fault::Fault;

/// Maximum of disjunctions of one query in disjunctive normal form.
/// Source: cloud.google.com/firestore/docs/query-data/queries#limits_on_or_queries.
const DISJUNCTIONS_MAX: usize = 30;

/// Refuses combinations that the service refuses.
pub(in super::super) fn check(filter: &Filter) -> Result<(), Fault> {
    let (mut negatives, mut excludes, mut lists) = (0, false, false);
    filter.tests(&mut |_, test| {
        excludes |= matches!(test, Test::NotIn(_));
        lists |= matches!(test, Test::In(_) | Test::ContainsAny(_));
        if matches!(
            test,
            Test::Differs(_) | Test::NotIn(_) | Test::Nan(false) | Test::Null(false)
        ) {
            negatives += 1;
        }
    });
    if negatives > 1 {
        return Err(Fault::invalid(
            "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed per query.",
        ));
    }
    if excludes && (lists || has_alternatives(filter)) {
        return Err(Fault::invalid(
            "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.",
        ));
    }
    if contains(filter) > 1 {
        return Err(Fault::invalid(
            "A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.",
        ));
    }
    if disjunctions(filter) > DISJUNCTIONS_MAX {
        return Err(Fault::invalid(format!(
            "A query has no more than {DISJUNCTIONS_MAX} disjunctions in disjunctive normal form."
        )));
    }
    Ok(())
}

fn disjunctions(filter: &Filter) -> usize {
    match filter {
        Filter::All(parts) => parts
            .iter()
            .map(disjunctions)
            .fold(1, usize::saturating_mul),
        Filter::Any(parts) => parts
            .iter()
            .map(disjunctions)
            .fold(0, usize::saturating_add),
        Filter::Field(_, Test::In(values) | Test::ContainsAny(values)) => values.len(),
        Filter::Field(..) => 1,
    }
}

fn has_alternatives(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().any(has_alternatives),
        Filter::Any(_) => true,
        Filter::Field(..) => false,
    }
}

fn contains(filter: &Filter) -> usize {
    match filter {
        Filter::All(parts) => parts.iter().map(contains).sum(),
        Filter::Any(parts) => parts.iter().map(contains).max().unwrap_or_default(),
        Filter::Field(_, Test::Contains(_) | Test::ContainsAny(_)) => 1,
        Filter::Field(..) => 0,
    }
}
