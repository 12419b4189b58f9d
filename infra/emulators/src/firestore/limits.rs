//! The limits of a document, and its stored form: checked on every write.
//!
//! Source of the numbers: cloud.google.com/firestore/quotas, and the answers of Google's emulator.

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{Value, value::ValueType};
use prost_types::Timestamp;

use super::{
    error::Error,
    name::{self, Name},
    path::Fields,
    value,
};

/// Bytes of a document, counted as the service counts them (see [`document_size`]).
const DOCUMENT_MAX_BYTES: usize = 1 << 20;
/// Bytes of one string or bytes value: 1 MiB less 89.
const PROPERTY_MAX_BYTES: usize = 1_048_487;
/// Bytes of a field's name.
const FIELD_NAME_MAX_BYTES: usize = 1500;
/// Levels of nested maps and arrays.
const DEPTH_MAX: usize = 20;
/// Elements of a vector.
const VECTOR_MAX: usize = 2048;
/// Seconds of 0001-01-01 and of 9999-12-31T23:59:59.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Validates fields of a client: refuses what cannot be stored, truncates times to microseconds.
pub(super) fn accept(fields: &mut Fields) -> Result<(), Error> {
    for (key, value) in fields {
        field_name(key)?;
        accept_value(value, 0, false)?;
    }
    Ok(())
}

/// Validates the elements of an array transform.
pub(super) fn accept_elements(values: &mut [Value]) -> Result<(), Error> {
    values
        .iter_mut()
        .try_for_each(|value| accept_value(value, 1, true))
}

/// Refuses an operand that cannot be compared; unlike a stored array, an operand may contain arrays.
pub(super) fn operand(value: &Value) -> Result<(), Error> {
    match &value.value_type {
        Some(ValueType::ArrayValue(array)) => array.values.iter().try_for_each(operand),
        Some(ValueType::MapValue(map)) => map.fields.values().try_for_each(operand),
        _ => accept_value(&mut value.clone(), 0, false),
    }
}

/// Refuses a document that masks and transforms have made too large or too deep.
pub(super) fn document(name: &Name, fields: &Fields) -> Result<(), Error> {
    if document_size(name, fields) > DOCUMENT_MAX_BYTES {
        return Err(Error::invalid(format!(
            "maximum entity size is {DOCUMENT_MAX_BYTES} bytes"
        )));
    }
    if fields.values().any(|value| depth(value) > DEPTH_MAX) {
        return Err(too_deep());
    }
    Ok(())
}

fn accept_value(value: &mut Value, depth: usize, in_array: bool) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    let vector = match &value.value_type {
        Some(ValueType::MapValue(map)) => value::vector(map).map(check_vector).transpose()?,
        _ => None,
    };
    match &mut value.value_type {
        None => Err(Error::invalid(
            "Cannot convert firestore.v1.Value with type unset.",
        )),
        Some(
            ValueType::FieldReferenceValue(_)
            | ValueType::VariableReferenceValue(_)
            | ValueType::FunctionValue(_)
            | ValueType::PipelineValue(_),
        ) => Err(Error::invalid("Value type is not supported in a document.")),
        Some(
            ValueType::NullValue(_)
            | ValueType::BooleanValue(_)
            | ValueType::IntegerValue(_)
            | ValueType::DoubleValue(_),
        ) => Ok(()),
        Some(ValueType::TimestampValue(time)) => timestamp(time),
        Some(ValueType::StringValue(text)) => length(text.len()),
        Some(ValueType::BytesValue(bytes)) => length(bytes.len()),
        Some(ValueType::ReferenceValue(name)) => Name::document(name).map(drop),
        Some(ValueType::GeoPointValue(point)) => {
            if (-90.0..=90.0).contains(&point.latitude)
                && (-180.0..=180.0).contains(&point.longitude)
            {
                return Ok(());
            }
            Err(Error::invalid(
                "Geo point is outside of the permitted range.",
            ))
        }
        Some(ValueType::ArrayValue(_)) if in_array => Err(Error::invalid(
            "Cannot convert an array value in an array value.",
        )),
        Some(ValueType::ArrayValue(array)) => array
            .values
            .iter_mut()
            .try_for_each(|value| accept_value(value, depth + 1, true)),
        Some(ValueType::MapValue(_)) if vector.is_some() && in_array => Err(Error::invalid(
            "Cannot convert a vector value in an array value.",
        )),
        Some(ValueType::MapValue(_)) if vector.is_some() => Ok(()),
        Some(ValueType::MapValue(map)) => map.fields.iter_mut().try_for_each(|(key, value)| {
            field_name(key)?;
            accept_value(value, depth + 1, false)
        }),
    }
}

fn check_vector(elements: &[Value]) -> Result<(), Error> {
    let double = |element: &Value| matches!(element.value_type, Some(ValueType::DoubleValue(_)));
    if elements.iter().all(double) && !elements.is_empty() && elements.len() <= VECTOR_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "A vector holds 1 to {VECTOR_MAX} doubles."
    )))
}

fn field_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::invalid("The property.name is the empty string."));
    }
    if name.len() > FIELD_NAME_MAX_BYTES {
        return Err(Error::invalid(
            "The property.name is longer than 1500 bytes.",
        ));
    }
    if name::is_reserved(name) {
        return Err(Error::invalid(format!("field name {name} is reserved")));
    }
    Ok(())
}

fn length(bytes: usize) -> Result<(), Error> {
    if bytes <= PROPERTY_MAX_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "The value of a property is longer than {PROPERTY_MAX_BYTES} bytes."
    )))
}

fn timestamp(time: &mut Timestamp) -> Result<(), Error> {
    if !SECONDS.contains(&time.seconds) || !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Error::invalid(
            "Timestamp is outside of the permitted range.",
        ));
    }
    time.nanos -= time.nanos % 1000;
    Ok(())
}

fn too_deep() -> Error {
    Error::invalid(format!(
        "Maps and arrays are nested deeper than {DEPTH_MAX}."
    ))
}

fn depth(value: &Value) -> usize {
    match &value.value_type {
        Some(ValueType::ArrayValue(array)) => {
            1 + array.values.iter().map(depth).max().unwrap_or_default()
        }
        Some(ValueType::MapValue(map)) => {
            1 + map.fields.values().map(depth).max().unwrap_or_default()
        }
        _ => 0,
    }
}

/// Source: firebase.google.com/docs/firestore/storage-size.
fn document_size(name: &Name, fields: &Fields) -> usize {
    name_size(name) + fields_size(fields) + 32
}

fn name_size(name: &Name) -> usize {
    let ids = (0..name.depth()).filter_map(|depth| name.id(depth));
    16 + ids
        .map(|id| match id {
            name::Segment::Number(_) => 8,
            name::Segment::Text(text) => text.len() + 1,
        })
        .sum::<usize>()
}

fn fields_size(fields: &Fields) -> usize {
    fields
        .iter()
        .map(|(key, value)| key.len() + 1 + value_size(value))
        .sum()
}

fn value_size(value: &Value) -> usize {
    match &value.value_type {
        Some(ValueType::StringValue(text)) => text.len() + 1,
        Some(ValueType::BytesValue(bytes)) => bytes.len(),
        Some(ValueType::ReferenceValue(name)) => {
            Name::document(name).map_or(name.len(), |name| name_size(&name))
        }
        Some(ValueType::ArrayValue(array)) => array.values.iter().map(value_size).sum(),
        Some(ValueType::MapValue(map)) => fields_size(&map.fields),
        Some(ValueType::GeoPointValue(_)) => 16,
        Some(
            ValueType::IntegerValue(_) | ValueType::DoubleValue(_) | ValueType::TimestampValue(_),
        ) => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::value::tests::{array, double, integer, map, null, text},
        *,
    };

    #[track_caller]
    fn check(key: &str, value: Value, valid: bool) {
        let shown: String = format!("{key}: {value:?}").chars().take(120).collect();
        let mut fields = Fields::from([(key.to_owned(), value)]);
        let name = Name::document("projects/p/databases/d/documents/val/d").unwrap();
        let result = accept(&mut fields).and_then(|()| document(&name, &fields));
        assert_eq!(result.is_ok(), valid, "{shown}: {result:?}");
    }

    #[test]
    fn a_document_has_the_limits_of_the_service() {
        check("v", null(), true);
        check("v", Value::default(), false);
        check("v", array([array([])]), false);
        check("v", array([map([("a", array([]))])]), true);
        check("v", map([("__x__", integer(1))]), false);
        check(
            "v",
            map([
                ("__type__", text("__vector__")),
                ("value", array([double(1.0)])),
            ]),
            true,
        );
        check(
            "v",
            map([("__type__", text("__vector__")), ("value", array([null()]))]),
            false,
        );
        let vector = || {
            map([
                ("__type__", text("__vector__")),
                ("value", array([double(1.0)])),
            ])
        };
        check("v", array([vector()]), false);
        check("v", text(&"x".repeat(1_048_487)), true);
        check("v", text(&"x".repeat(1_048_488)), false);
        check("v", of_bytes(1_048_487), true);
        check(
            "v",
            array([text(&"x".repeat(600_000)), text(&"x".repeat(600_000))]),
            false,
        );
        check("", integer(1), false);
        check("__", integer(1), true);
        check("__name__", integer(1), false);
        check(&"x".repeat(1500), integer(1), true);
        check(&"x".repeat(1501), integer(1), false);
        let nested = |levels| (0..levels).fold(integer(1), |value, _| map([("a", value)]));
        check("v", nested(20), true);
        check("v", nested(21), false);
        let time = |nanos| value::of(ValueType::TimestampValue(Timestamp { seconds: 1, nanos }));
        check("v", time(1), true);
        check("v", time(-1), false);
        let reference = |name: &str| value::of(ValueType::ReferenceValue(name.to_owned()));
        check("v", reference("projects/o/databases/d/documents/a/b"), true);
        check("v", reference("projects/o/databases/d/documents/a"), false);
    }

    fn of_bytes(length: usize) -> Value {
        value::of(ValueType::BytesValue(vec![0; length]))
    }

    #[test]
    fn times_are_truncated_to_microseconds() {
        let time = Timestamp {
            seconds: 1,
            nanos: 123_456_789,
        };
        let mut fields =
            Fields::from([("t".to_owned(), value::of(ValueType::TimestampValue(time)))]);
        accept(&mut fields).unwrap();
        let expected = Timestamp {
            seconds: 1,
            nanos: 123_456_000,
        };
        assert_eq!(fields["t"], value::of(ValueType::TimestampValue(expected)));
    }
}
