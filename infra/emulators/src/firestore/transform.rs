//! Field transforms: values that the server computes at commit.

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    ArrayValue, Value,
    document_transform::{
        FieldTransform,
        field_transform::{ServerValue, TransformType},
    },
    value::ValueType,
};

use super::{
    error::Error,
    limits,
    path::{FieldPath, Fields},
    stamp::Stamp,
    value,
};

/// Transforms in one write. Source: cloud.google.com/firestore/quotas,
/// "maximum number of field transformations that can be performed on a single document".
const TRANSFORMS_MAX: usize = 500;

/// Applies `transforms` in order and returns their results for the result of the write.
pub(super) fn apply(
    fields: &mut Fields,
    transforms: Vec<FieldTransform>,
    at: Stamp,
) -> Result<Vec<Value>, Error> {
    if transforms.len() > TRANSFORMS_MAX {
        return Err(Error::invalid(format!(
            "Cannot have more than {TRANSFORMS_MAX} field transforms on a single document."
        )));
    }
    let mut paths = Vec::new();
    for transform in &transforms {
        paths.push(FieldPath::parse_writable(&transform.field_path)?);
    }
    // When sorted, a path directly follows one that contains it.
    let mut sorted: Vec<_> = paths.iter().collect();
    sorted.sort();
    if sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .any(|(outer, inner)| inner.is_inside(outer))
    {
        return Err(Error::invalid(
            "Cannot transform a property and its nested property at the same time.",
        ));
    }
    let mut results = Vec::new();
    for (path, transform) in paths.into_iter().zip(transforms) {
        let (new, result) = one(path.get(fields), transform.transform_type, at)?;
        path.set(fields, new);
        results.push(result);
    }
    Ok(results)
}

/// The field's new value, and the result for the client.
fn one(
    current: Option<&Value>,
    transform: Option<TransformType>,
    at: Stamp,
) -> Result<(Value, Value), Error> {
    let new = match transform {
        None => {
            return Err(Error::invalid(
                "Operation type must be specified for field transformation.",
            ));
        }
        Some(TransformType::SetToServerValue(kind)) => {
            if kind != i32::from(ServerValue::RequestTime) {
                return Err(Error::invalid(
                    "ServerValue type must be specified for set_to_server_value transformation.",
                ));
            }
            value::of(ValueType::TimestampValue(at.milliseconds().into()))
        }
        Some(TransformType::Increment(by)) => number(&by, |by| match current.map(as_number) {
            Some(Some(current)) => add(current, by),
            _ => by,
        })?,
        Some(TransformType::Maximum(other)) => extreme(current, &other, |current, other| {
            value::is_nan(current)
                || (!value::is_nan(other) && value::compare(current, other).is_ge())
        })?,
        Some(TransformType::Minimum(other)) => extreme(current, &other, |current, other| {
            value::compare(current, other).is_le()
        })?,
        Some(TransformType::AppendMissingElements(elements)) => {
            return array(current, elements, |kept, elements| {
                for element in elements {
                    if !kept.iter().any(|one| value::compare(one, &element).is_eq()) {
                        kept.push(element);
                    }
                }
            });
        }
        Some(TransformType::RemoveAllFromArray(elements)) => {
            return array(current, elements, |kept, elements| {
                kept.retain(|one| {
                    !elements
                        .iter()
                        .any(|gone| value::compare(one, gone).is_eq())
                });
            });
        }
    };
    Ok((new.clone(), new))
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i64),
    Double(f64),
}

fn as_number(value: &Value) -> Option<Number> {
    match value.value_type {
        Some(ValueType::IntegerValue(integer)) => Some(Number::Integer(integer)),
        Some(ValueType::DoubleValue(double)) => Some(Number::Double(double)),
        _ => None,
    }
}

fn number(operand: &Value, compute: impl FnOnce(Number) -> Number) -> Result<Value, Error> {
    let operand =
        as_number(operand).ok_or_else(|| Error::invalid("Input must be int64 or double."))?;
    Ok(value::of(match compute(operand) {
        Number::Integer(integer) => ValueType::IntegerValue(integer),
        Number::Double(double) => ValueType::DoubleValue(double),
    }))
}

fn add(current: Number, by: Number) -> Number {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mixed sum is a double, as in the service"
    )]
    let double = |number| match number {
        Number::Integer(integer) => integer as f64,
        Number::Double(double) => double,
    };
    match (current, by) {
        (Number::Integer(current), Number::Integer(by)) => {
            Number::Integer(current.saturating_add(by))
        }
        (current, by) => Number::Double(double(current) + double(by)),
    }
}

/// Of two equal numbers the stored one stays, so that a write does not turn `1.0` into `1`.
fn extreme(
    current: Option<&Value>,
    operand: &Value,
    stays: impl FnOnce(&Value, &Value) -> bool,
) -> Result<Value, Error> {
    let operand = number(operand, |operand| operand)?;
    Ok(match current {
        Some(current) if as_number(current).is_some() && stays(current, &operand) => {
            current.clone()
        }
        _ => operand,
    })
}

/// A value that is not an array counts as an empty one; the result for the client is null.
fn array(
    current: Option<&Value>,
    mut elements: ArrayValue,
    change: impl FnOnce(&mut Vec<Value>, Vec<Value>),
) -> Result<(Value, Value), Error> {
    limits::accept_elements(&mut elements.values)?;
    let mut values = match current.and_then(|value| value.value_type.as_ref()) {
        Some(ValueType::ArrayValue(array)) => array.values.clone(),
        _ => Vec::new(),
    };
    change(&mut values, elements.values);
    let new = value::of(ValueType::ArrayValue(ArrayValue { values }));
    Ok((new, value::of(ValueType::NullValue(0))))
}

#[cfg(test)]
mod tests {
    use super::{
        super::value::tests::{array, double, integer, null, text},
        *,
    };

    /// `stored` (absent if `None`) becomes `expected` (refused if `None`).
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "rows read better")]
    fn check(stored: Option<Value>, transform: TransformType, expected: Option<Value>) {
        let shown = format!("{stored:?} {transform:?}");
        let mut fields = Fields::new();
        if let Some(stored) = stored {
            fields.insert("f".to_owned(), stored);
        }
        let transform = FieldTransform {
            field_path: "f".to_owned(),
            transform_type: Some(transform),
        };
        let result = apply(&mut fields, vec![transform], Stamp(1_234_567)).ok();
        let new = result.is_some().then(|| fields.remove("f").unwrap());
        let same = match (&new, &expected) {
            (Some(new), Some(expected)) => value::identical(new, expected),
            (new, expected) => new == expected,
        };
        assert!(same, "{shown}: {new:?}, expected {expected:?}");
    }

    fn elements<const N: usize>(values: [Value; N]) -> ArrayValue {
        ArrayValue {
            values: values.into(),
        }
    }

    #[test]
    fn numbers_change_as_in_the_service() {
        use TransformType::{Increment, Maximum, Minimum};
        let nan = || double(f64::NAN);
        check(Some(integer(5)), Increment(integer(3)), Some(integer(8)));
        check(Some(integer(5)), Increment(double(0.5)), Some(double(5.5)));
        check(Some(double(2.5)), Increment(integer(1)), Some(double(3.5)));
        check(Some(text("x")), Increment(integer(1)), Some(integer(1)));
        check(None, Increment(integer(1)), Some(integer(1)));
        check(
            Some(integer(i64::MAX)),
            Increment(integer(1)),
            Some(integer(i64::MAX)),
        );
        check(
            Some(integer(i64::MIN)),
            Increment(integer(-1)),
            Some(integer(i64::MIN)),
        );
        check(Some(integer(5)), Increment(text("1")), None);
        check(Some(integer(5)), Maximum(integer(3)), Some(integer(5)));
        check(Some(integer(5)), Maximum(double(5.0)), Some(integer(5)));
        check(Some(integer(5)), Maximum(double(9.0)), Some(double(9.0)));
        check(Some(nan()), Maximum(integer(1)), Some(nan()));
        check(Some(integer(1)), Maximum(nan()), Some(nan()));
        check(Some(double(-0.0)), Maximum(integer(0)), Some(double(-0.0)));
        check(Some(text("x")), Maximum(integer(1)), Some(integer(1)));
        check(Some(integer(5)), Minimum(integer(3)), Some(integer(3)));
        check(Some(integer(5)), Minimum(nan()), Some(nan()));
        check(Some(nan()), Minimum(integer(1)), Some(nan()));
        check(None, Minimum(null()), None);
    }

    #[test]
    fn arrays_change_as_in_the_service() {
        use TransformType::{AppendMissingElements, RemoveAllFromArray};
        let stored = || Some(array([integer(1), double(2.0), null()]));
        let append = AppendMissingElements(elements([integer(2), text("b"), text("b")]));
        check(
            stored(),
            append,
            Some(array([integer(1), double(2.0), null(), text("b")])),
        );
        check(
            Some(text("x")),
            AppendMissingElements(elements([integer(1), integer(1)])),
            Some(array([integer(1)])),
        );
        check(stored(), AppendMissingElements(elements([array([])])), None);
        let remove = RemoveAllFromArray(elements([integer(2), null()]));
        check(stored(), remove, Some(array([integer(1)])));
        check(
            None,
            RemoveAllFromArray(elements([integer(1)])),
            Some(array([])),
        );
    }

    #[test]
    fn the_request_time_has_milliseconds() {
        let time = value::of(ValueType::TimestampValue(Stamp(1_234_000).into()));
        check(None, TransformType::SetToServerValue(1), Some(time));
        check(None, TransformType::SetToServerValue(0), None);
    }

    #[test]
    fn a_field_and_a_field_inside_it_cannot_both_change() {
        let increment = |path: &str| FieldTransform {
            field_path: path.to_owned(),
            transform_type: Some(TransformType::Increment(integer(1))),
        };
        let apply = |paths: &[&str]| {
            let transforms = paths.iter().map(|path| increment(path)).collect();
            apply(&mut Fields::new(), transforms, Stamp(0))
        };
        assert!(apply(&["m.n", "a", "m"]).is_err());
        assert!(
            apply(&["m", "m1", "m"]).is_ok(),
            "twice the same is allowed"
        );
        assert!(apply(&["a"; 500]).is_ok());
        assert!(apply(&["a"; 501]).is_err());
    }
}
