//! Filters: parsed and validated once, then evaluated for each document.

mod rules;

use std::cmp::Ordering;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    ArrayValue, Document, Value,
    structured_query::{
        self, CompositeFilter, FieldFilter, FieldReference, UnaryFilter, composite_filter,
        field_filter::Operator, filter::FilterType, unary_filter,
    },
    value::ValueType,
};

pub(super) use self::rules::check;
use super::{error::Error, limits, name::Name, path::FieldPath, value};

/// A valid filter.
#[derive(Debug, Clone)]
pub(super) enum DocumentFilter {
    /// All must hold.
    All(Vec<DocumentFilter>),
    /// One must hold.
    Any(Vec<DocumentFilter>),
    /// A test of one field.
    Field(FieldPath, FieldTest),
}

/// A test of a field's value; an absent field passes no test.
#[derive(Debug, Clone)]
pub(super) enum FieldTest {
    /// Of the operand's type, and before, at or after it: the orderings that pass.
    Compares(Value, &'static [Ordering]),
    /// Equal; nothing equals null or NaN.
    Equals(Value),
    /// Not null and not equal.
    Differs(Value),
    /// An array that contains the operand.
    Contains(Value),
    /// Equal to one of the operands.
    In(Vec<Value>),
    /// An array that contains one of the operands.
    ContainsAny(Vec<Value>),
    /// Not null and equal to none of the operands.
    NotIn(Vec<Value>),
    /// NaN, or neither NaN nor null.
    Nan(bool),
    /// Null, or not null.
    Null(bool),
}

/// Parses a filter for documents of `database`.
pub(super) fn parse(
    filter: structured_query::Filter,
    database: &str,
) -> Result<DocumentFilter, Error> {
    match filter.filter_type {
        None => Err(Error::invalid("Unknown Filter type.")),
        Some(FilterType::CompositeFilter(filter)) => composite(filter, database),
        Some(FilterType::FieldFilter(filter)) => field(filter, database),
        Some(FilterType::UnaryFilter(filter)) => unary(&filter),
    }
}

impl DocumentFilter {
    /// Whether the document passes.
    pub(super) fn matches(&self, document: &Document) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(document)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(document)),
            Self::Field(path, test) if path.is_name() => test.passes(&name_value(document)),
            Self::Field(path, test) => path
                .get(&document.fields)
                .is_some_and(|value| test.passes(value)),
        }
    }

    /// Calls `visit` with every test of a field.
    pub(super) fn tests<'a>(&'a self, visit: &mut impl FnMut(&'a FieldPath, &'a FieldTest)) {
        match self {
            Self::All(filters) | Self::Any(filters) => {
                for filter in filters {
                    filter.tests(visit);
                }
            }
            Self::Field(path, test) => visit(path, test),
        }
    }
}

impl FieldTest {
    fn passes(&self, value: &Value) -> bool {
        match self {
            Self::Compares(operand, orderings) => {
                value::kind(value) == value::kind(operand)
                    && ![value, operand]
                        .iter()
                        .any(|one| value::is_null(one) || value::is_nan(one))
                    && orderings.contains(&value::compare(value, operand))
            }
            Self::Equals(operand) => value::equal(operand, value),
            Self::Differs(operand) => {
                let nulls = value::is_null(value) || value::is_null(operand);
                !nulls && !value::equal(operand, value)
            }
            Self::Contains(operand) => has(value, operand),
            Self::In(operands) => operands.iter().any(|operand| value::equal(operand, value)),
            Self::ContainsAny(operands) => operands.iter().any(|operand| has(value, operand)),
            Self::NotIn(operands) => {
                !value::is_null(value)
                    && !operands
                        .iter()
                        .any(|operand| value::is_null(operand) || value::equal(operand, value))
            }
            Self::Nan(true) => value::is_nan(value),
            Self::Nan(false) => !value::is_nan(value) && !value::is_null(value),
            Self::Null(null) => value::is_null(value) == *null,
        }
    }

    /// Whether results are ordered by the field, since the query reads a range of its index.
    pub(super) fn is_inequality(&self) -> bool {
        match self {
            Self::Equals(_) | Self::Contains(_) | Self::In(_) | Self::ContainsAny(_) => false,
            Self::Compares(..) | Self::Differs(_) | Self::NotIn(_) => true,
            Self::Nan(is) | Self::Null(is) => !is,
        }
    }
}

/// `__name__` as a value.
pub(super) fn name_value(document: &Document) -> Value {
    value::of(ValueType::ReferenceValue(document.name.clone()))
}

/// Validates an operand for `__name__`: a reference to a document of `database`.
pub(super) fn check_reference(value: &Value, database: &str, error: &str) -> Result<(), Error> {
    match &value.value_type {
        Some(ValueType::ReferenceValue(name)) => Name::document(name)?.expect_database(database),
        _ => Err(Error::invalid(error)),
    }
}

/// The path in `field`.
pub(super) fn path(field: Option<FieldReference>) -> Result<FieldPath, Error> {
    FieldPath::parse(&field.unwrap_or_default().field_path)
}

fn has(array: &Value, element: &Value) -> bool {
    match &array.value_type {
        Some(ValueType::ArrayValue(array)) => {
            array.values.iter().any(|one| value::equal(element, one))
        }
        _ => false,
    }
}

fn composite(filter: CompositeFilter, database: &str) -> Result<DocumentFilter, Error> {
    let operator = filter.op();
    let parts = filter.filters.into_iter().map(|part| parse(part, database));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    match operator {
        composite_filter::Operator::And => Ok(DocumentFilter::All(parts)),
        composite_filter::Operator::Or if !parts.is_empty() => Ok(DocumentFilter::Any(parts)),
        composite_filter::Operator::Or | composite_filter::Operator::Unspecified => {
            Err(Error::invalid("Unsupported CompositeFilter operator."))
        }
    }
}

fn field(filter: FieldFilter, database: &str) -> Result<DocumentFilter, Error> {
    use Ordering::{Equal, Greater, Less};
    let operator = filter.op();
    let path = path(filter.field)?;
    let value = filter.value.unwrap_or_default();
    limits::operand(&value)?;
    let test = match operator {
        Operator::Unspecified => return Err(Error::invalid("Unknown FieldFilter operator.")),
        Operator::LessThan => FieldTest::Compares(value, &[Less]),
        Operator::LessThanOrEqual => FieldTest::Compares(value, &[Less, Equal]),
        Operator::GreaterThan => FieldTest::Compares(value, &[Greater]),
        Operator::GreaterThanOrEqual => FieldTest::Compares(value, &[Greater, Equal]),
        Operator::Equal => FieldTest::Equals(value),
        Operator::NotEqual => FieldTest::Differs(value),
        Operator::ArrayContains => FieldTest::Contains(value),
        Operator::In => FieldTest::In(elements(value, "IN", 30)?),
        Operator::ArrayContainsAny => {
            FieldTest::ContainsAny(elements(value, "ARRAY_CONTAINS_ANY", 30)?)
        }
        Operator::NotIn => FieldTest::NotIn(elements(value, "NOT_IN", 10)?),
    };
    if path.is_name() {
        let operands = match &test {
            FieldTest::Compares(one, _) | FieldTest::Equals(one) | FieldTest::Differs(one) => {
                std::slice::from_ref(one)
            }
            FieldTest::In(some) | FieldTest::NotIn(some) => some,
            FieldTest::Contains(_)
            | FieldTest::ContainsAny(_)
            | FieldTest::Nan(_)
            | FieldTest::Null(_) => {
                return Err(Error::invalid(NOT_A_KEY));
            }
        };
        for operand in operands {
            check_reference(operand, database, NOT_A_KEY)?;
        }
    }
    Ok(DocumentFilter::Field(path, test))
}

const NOT_A_KEY: &str = "__key__ filter value must be a Key";

/// The limits are the service's: cloud.google.com/firestore/docs/query-data/queries#limitations.
fn elements(value: Value, operator: &str, max: usize) -> Result<Vec<Value>, Error> {
    let Some(ValueType::ArrayValue(ArrayValue { values })) = value.value_type else {
        return Err(Error::invalid(format!(
            "'{operator}' requires an ArrayValue."
        )));
    };
    if values.is_empty() {
        return Err(Error::invalid(format!(
            "'{operator}' requires an non-empty ArrayValue."
        )));
    }
    if values.len() > max {
        return Err(Error::invalid(format!(
            "'{operator}' supports up to {max} comparison values."
        )));
    }
    Ok(values)
}

fn unary(filter: &UnaryFilter) -> Result<DocumentFilter, Error> {
    use unary_filter::Operator;
    let test = match filter.op() {
        Operator::Unspecified => return Err(Error::invalid("Unknown UnaryFilter operator.")),
        Operator::IsNan => FieldTest::Nan(true),
        Operator::IsNotNan => FieldTest::Nan(false),
        Operator::IsNull => FieldTest::Null(true),
        Operator::IsNotNull => FieldTest::Null(false),
    };
    let unary_filter::OperandType::Field(field) = filter
        .operand_type
        .clone()
        .ok_or_else(|| Error::invalid("Invalid empty property path string."))?;
    let path = path(Some(field))?;
    if path.is_name() {
        return Err(Error::invalid(NOT_A_KEY));
    }
    Ok(DocumentFilter::Field(path, test))
}
