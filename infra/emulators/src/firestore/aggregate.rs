//! Counts, sums and averages over the results of a query.

use std::{collections::BTreeSet, sync::Arc};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    AggregationResult, Document, Value,
    structured_aggregation_query::{self, aggregation::Operator},
    value::ValueType,
};

use super::{error::Error, filter, path::FieldPath, value};

/// Aggregations in one query.
/// Source: the comment on `StructuredAggregationQuery.aggregations` in firestore/v1/query.proto.
const AGGREGATIONS_MAX: usize = 5;

/// Named values to compute.
#[derive(Debug)]
pub(super) struct Aggregations(Vec<(String, Aggregation)>);

#[derive(Debug)]
enum Aggregation {
    /// Up to a limit.
    Count(Option<i64>),
    Sum(FieldPath),
    Average(FieldPath),
}

impl Aggregations {
    /// Parses the aggregations.
    pub(super) fn parse(
        request: Vec<structured_aggregation_query::Aggregation>,
    ) -> Result<Self, Error> {
        if request.is_empty() {
            return Err(Error::invalid("Aggregations can not be empty."));
        }
        if request.len() > AGGREGATIONS_MAX {
            return Err(Error::invalid(format!(
                "A query has no more than {AGGREGATIONS_MAX} aggregations."
            )));
        }
        let mut seen = BTreeSet::new();
        let mut parsed = Vec::new();
        for (aggregation, number) in request.into_iter().zip(1..) {
            let alias = match aggregation.alias {
                empty if empty.is_empty() => format!("field_{number}"),
                alias => alias,
            };
            if !seen.insert(alias.clone()) {
                return Err(Error::invalid(format!(
                    "Aggregation aliases contain duplicate alias: {alias}."
                )));
            }
            let one = match aggregation.operator {
                None => return Err(Error::invalid("Operator field in Aggregation is not set.")),
                Some(Operator::Count(count)) => Aggregation::Count(count.up_to),
                Some(Operator::Sum(sum)) => Aggregation::Sum(path(sum.field)?),
                Some(Operator::Avg(average)) => Aggregation::Average(path(average.field)?),
            };
            parsed.push((alias, one));
        }
        Ok(Self(parsed))
    }

    /// The fields that a document must have to be included.
    pub(super) fn fields(&self) -> Vec<FieldPath> {
        let field = |(_, aggregation): &(String, Aggregation)| match aggregation {
            Aggregation::Count(_) => None,
            Aggregation::Sum(path) | Aggregation::Average(path) => Some(path.clone()),
        };
        self.0.iter().filter_map(field).collect()
    }

    /// Computes all aggregations.
    pub(super) fn over(&self, documents: &[Arc<Document>]) -> AggregationResult {
        let one = |(alias, aggregation): &(String, Aggregation)| {
            let value = match aggregation {
                Aggregation::Count(up_to) => {
                    let count = i64::try_from(documents.len()).unwrap_or(i64::MAX);
                    ValueType::IntegerValue(up_to.map_or(count, |up_to| count.min(up_to)))
                }
                Aggregation::Sum(path) => sum(&numbers(documents, path)),
                Aggregation::Average(path) => average(&numbers(documents, path)),
            };
            (alias.clone(), value::of(value))
        };
        AggregationResult {
            aggregate_fields: self.0.iter().map(one).collect(),
        }
    }
}

fn path(
    field: Option<googleapis_tonic_google_firestore_v1::google::firestore::v1::structured_query::FieldReference>,
) -> Result<FieldPath, Error> {
    let path = filter::path(field)?;
    if path.is_name() {
        return Err(Error::invalid(
            "Aggregations are not supported for the property: __key__",
        ));
    }
    Ok(path)
}

/// Values that are not numbers are ignored.
fn numbers<'a>(documents: &'a [Arc<Document>], path: &FieldPath) -> Vec<&'a Value> {
    let values = documents
        .iter()
        .filter_map(|document| path.get(&document.fields));
    values
        .filter(|value| value::kind(value) == value::ValueKind::Number)
        .collect()
}

/// An integer if all numbers are integers and the sum fits.
fn sum(numbers: &[&Value]) -> ValueType {
    let integers = numbers.iter().map(|number| match number.value_type {
        Some(ValueType::IntegerValue(integer)) => Some(i128::from(integer)),
        _ => None,
    });
    let integer = integers
        .sum::<Option<i128>>()
        .and_then(|sum| i64::try_from(sum).ok());
    match integer {
        Some(integer) => ValueType::IntegerValue(integer),
        None => ValueType::DoubleValue(doubles(numbers).sum()),
    }
}

fn average(numbers: &[&Value]) -> ValueType {
    if numbers.is_empty() {
        return ValueType::NullValue(0);
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 documents")]
    let count = numbers.len() as f64;
    ValueType::DoubleValue(doubles(numbers).sum::<f64>() / count)
}

fn doubles(numbers: &[&Value]) -> impl Iterator<Item = f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "the service computes in doubles too"
    )]
    let double = |number: &&Value| match number.value_type {
        Some(ValueType::IntegerValue(integer)) => integer as f64,
        Some(ValueType::DoubleValue(double)) => double,
        _ => 0.0,
    };
    numbers.iter().map(double)
}

#[cfg(test)]
mod tests {
    use super::{
        super::value::tests::{double, integer, null, text},
        *,
    };

    #[track_caller]
    fn check(values: &[Value], sum_expected: &Value, average_expected: &Value) {
        let numbers: Vec<_> = values
            .iter()
            .filter(|value| value::kind(value) == value::ValueKind::Number)
            .collect();
        let sum = value::of(sum(&numbers));
        let average = value::of(average(&numbers));
        assert!(value::identical(&sum, sum_expected), "{values:?}: {sum:?}");
        assert!(
            value::identical(&average, average_expected),
            "{values:?}: {average:?}"
        );
    }

    #[test]
    fn sums_and_averages_are_those_of_the_service() {
        check(&[], &integer(0), &null());
        check(
            &[integer(1), integer(2), integer(3)],
            &integer(6),
            &double(2.0),
        );
        check(&[integer(1), double(0.5)], &double(1.5), &double(0.75));
        check(&[text("x"), integer(5)], &integer(5), &double(5.0));
        check(
            &[integer(i64::MAX), integer(1)],
            &double(9_223_372_036_854_775_808.0),
            &double(4_611_686_018_427_387_904.0),
        );
        check(
            &[integer(1), double(f64::NAN)],
            &double(f64::NAN),
            &double(f64::NAN),
        );
    }
}
