//! The order of values, across all types, as in indexes.
//!
//! Source: firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    MapValue, Value, value::ValueType,
};

use super::name::Name;

/// Wraps a value.
pub(super) fn of(value: ValueType) -> Value {
    Value {
        value_type: Some(value),
    }
}

/// The types of values, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    /// Null, and values that cannot be stored.
    Null,
    /// False before true.
    Boolean,
    /// Integers and doubles together; NaN first.
    Number,
    /// By time.
    Timestamp,
    /// By UTF-8 bytes.
    Text,
    /// By bytes.
    Bytes,
    /// By path.
    Reference,
    /// By latitude, then longitude.
    GeoPoint,
    /// Element by element; a prefix before longer arrays.
    Array,
    /// By dimension, then element by element.
    Vector,
    /// By sorted keys and their values; a prefix before larger maps.
    Map,
}

/// The type of `value`.
pub(super) fn kind(value: &Value) -> ValueKind {
    match &value.value_type {
        Some(ValueType::BooleanValue(_)) => ValueKind::Boolean,
        Some(ValueType::IntegerValue(_) | ValueType::DoubleValue(_)) => ValueKind::Number,
        Some(ValueType::TimestampValue(_)) => ValueKind::Timestamp,
        Some(ValueType::StringValue(_)) => ValueKind::Text,
        Some(ValueType::BytesValue(_)) => ValueKind::Bytes,
        Some(ValueType::ReferenceValue(_)) => ValueKind::Reference,
        Some(ValueType::GeoPointValue(_)) => ValueKind::GeoPoint,
        Some(ValueType::ArrayValue(_)) => ValueKind::Array,
        Some(ValueType::MapValue(map)) if vector(map).is_some() => ValueKind::Vector,
        Some(ValueType::MapValue(_)) => ValueKind::Map,
        _ => ValueKind::Null,
    }
}

/// The elements of a vector, which is a map with a marker in `__type__`.
pub(super) fn vector(map: &MapValue) -> Option<&[Value]> {
    match (
        &map.fields.get("__type__")?.value_type,
        &map.fields.get("value")?.value_type,
    ) {
        (Some(ValueType::StringValue(mark)), Some(ValueType::ArrayValue(array)))
            if mark == "__vector__" && map.fields.len() == 2 =>
        {
            Some(&array.values)
        }
        _ => None,
    }
}

/// The order of indexes. `1` and `1.0` are equal; so are NaN and NaN.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    use ValueType as V;
    let kinds = kind(a).cmp(&kind(b));
    let (Some(a), Some(b)) = (&a.value_type, &b.value_type) else {
        return kinds;
    };
    kinds.then_with(|| match (a, b) {
        (V::BooleanValue(a), V::BooleanValue(b)) => a.cmp(b),
        (V::IntegerValue(a), V::IntegerValue(b)) => a.cmp(b),
        (V::DoubleValue(a), V::DoubleValue(b)) => compare_doubles(*a, *b),
        (V::IntegerValue(a), V::DoubleValue(b)) => compare_mixed(*a, *b),
        (V::DoubleValue(a), V::IntegerValue(b)) => compare_mixed(*b, *a).reverse(),
        (V::TimestampValue(a), V::TimestampValue(b)) => {
            (a.seconds, a.nanos).cmp(&(b.seconds, b.nanos))
        }
        (V::StringValue(a), V::StringValue(b)) => a.cmp(b),
        (V::BytesValue(a), V::BytesValue(b)) => a.cmp(b),
        (V::ReferenceValue(a), V::ReferenceValue(b)) => compare_references(a, b),
        (V::GeoPointValue(a), V::GeoPointValue(b)) => compare_doubles(a.latitude, b.latitude)
            .then_with(|| compare_doubles(a.longitude, b.longitude)),
        (V::ArrayValue(a), V::ArrayValue(b)) => compare_arrays(&a.values, &b.values),
        (V::MapValue(a), V::MapValue(b)) => match (vector(a), vector(b)) {
            (Some(a), Some(b)) => a.len().cmp(&b.len()).then_with(|| compare_arrays(a, b)),
            _ => compare_maps(&a.fields, &b.fields),
        },
        _ => Ordering::Equal,
    })
}

/// Whether two values are equal for a filter: nothing equals null or NaN.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    !is_null(a) && !is_nan(a) && compare(a, b).is_eq()
}

/// Whether two values are identical to the bit, so that replacing one with the other changes nothing.
pub(super) fn identical(a: &Value, b: &Value) -> bool {
    use ValueType as V;
    match (&a.value_type, &b.value_type) {
        (Some(V::DoubleValue(a)), Some(V::DoubleValue(b))) => a.to_bits() == b.to_bits(),
        (Some(V::ArrayValue(a)), Some(V::ArrayValue(b))) => {
            a.values.len() == b.values.len()
                && a.values.iter().zip(&b.values).all(|(a, b)| identical(a, b))
        }
        (Some(V::MapValue(a)), Some(V::MapValue(b))) => identical_fields(&a.fields, &b.fields),
        (a, b) => a == b,
    }
}

/// [`identical`], for all fields of a document.
pub(super) fn identical_fields(a: &HashMap<String, Value>, b: &HashMap<String, Value>) -> bool {
    let same = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| identical(a, b));
    a.len() == b.len() && a.iter().all(same)
}

/// Whether the value is null.
pub(super) fn is_null(value: &Value) -> bool {
    kind(value) == ValueKind::Null
}

/// Whether the value is NaN.
pub(super) fn is_nan(value: &Value) -> bool {
    matches!(value.value_type, Some(ValueType::DoubleValue(double)) if double.is_nan())
}

fn compare_doubles(a: f64, b: f64) -> Ordering {
    // Only NaN is unordered; it sorts before all numbers. The two zeros are equal.
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Exact: casting the integer would lose digits above 2^53.
fn compare_mixed(integer: i64, double: f64) -> Ordering {
    /// 2^63, the first double above all integers.
    const ABOVE: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() || double < -ABOVE {
        return Ordering::Greater;
    }
    if double >= ABOVE {
        return Ordering::Less;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within i64, as checked above"
    )]
    let whole = double.trunc() as i64;
    integer
        .cmp(&whole)
        .then_with(|| compare_doubles(0.0, double.fract()))
}

fn compare_references(a: &str, b: &str) -> Ordering {
    match (Name::document(a), Name::document(b)) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

fn compare_arrays(a: &[Value], b: &[Value]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| compare(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn compare_maps(a: &HashMap<String, Value>, b: &HashMap<String, Value>) -> Ordering {
    let a: BTreeMap<_, _> = a.iter().collect();
    let b: BTreeMap<_, _> = b.iter().collect();
    a.iter()
        .zip(&b)
        .map(|((key, value), (other_key, other))| {
            key.cmp(other_key).then_with(|| compare(value, other))
        })
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
pub(super) mod tests;
