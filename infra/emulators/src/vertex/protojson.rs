//! JSON in the form of Google's services: camel or snake case, integers as strings, enums by name or number.

use serde_json::Value;

use crate::rest::Error;

/// The field `name` (in camel case), in either spelling; `null` counts as absent.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.get(snake(name)))
        .filter(|value| !value.is_null())
}

/// The string field `name`; empty if absent.
pub(super) fn string<'a>(object: &'a Value, name: &str) -> Result<&'a str, Error> {
    field(object, name).map_or(Ok(""), |value| {
        value
            .as_str()
            .ok_or_else(|| invalid(name, value, "a string"))
    })
}

/// The integer field `name`: a number or a string of digits.
pub(super) fn int64(object: &Value, name: &str) -> Result<Option<i64>, Error> {
    let Some(value) = field(object, name) else {
        return Ok(None);
    };
    let text = || value.as_str()?.parse().ok();
    value
        .as_i64()
        .or_else(text)
        .map(Some)
        .ok_or_else(|| invalid(name, value, "an integer"))
}

/// The number field `name`: a number or a string of one.
pub(super) fn double(object: &Value, name: &str) -> Result<Option<f64>, Error> {
    let Some(value) = field(object, name) else {
        return Ok(None);
    };
    let text = || value.as_str()?.parse().ok();
    value
        .as_f64()
        .or_else(text)
        .map(Some)
        .ok_or_else(|| invalid(name, value, "a number"))
}

/// The boolean field `name`; false if absent.
pub(super) fn bool(object: &Value, name: &str) -> Result<bool, Error> {
    field(object, name).map_or(Ok(false), |value| {
        value
            .as_bool()
            .ok_or_else(|| invalid(name, value, "a boolean"))
    })
}

/// The texts of a `Content`, joined; a bare string counts as one.
pub(super) fn text_of(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.get("parts").map_or(&[] as &[Value], |parts| {
        parts
            .as_array()
            .map_or(std::slice::from_ref(parts), Vec::as_slice)
    });
    parts
        .iter()
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect()
}

/// Refuses fields that are not in `known`, as Google's front end does; `path` is that of the object.
pub(super) fn only(object: &Value, path: &str, known: &[&str]) -> Result<(), Error> {
    let Some(fields) = object.as_object() else {
        return Err(Error::new(
            "INVALID_ARGUMENT",
            format!("Invalid value at '{path}': expected an object."),
        ));
    };
    match fields
        .keys()
        .find(|key| !known.iter().any(|name| name == key || snake(name) == **key))
    {
        None => Ok(()),
        Some(key) => Err(Error::new(
            "INVALID_ARGUMENT",
            format!(
                "Invalid JSON payload received. Unknown name \"{key}\" at '{path}': Cannot find field."
            ),
        )),
    }
}

/// A float on the wire: JSON has no NaN, so proto-JSON represents it as a string.
pub(super) fn number(value: f64) -> Value {
    if value.is_nan() {
        Value::from("NaN")
    } else if value.is_infinite() {
        Value::from(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        Value::from(value)
    }
}

/// The message of Google's front end, which quotes the invalid value.
fn invalid(name: &str, value: &Value, wanted: &str) -> Error {
    Error::new(
        "INVALID_ARGUMENT",
        format!(
            "Invalid value at '{}' (expected {wanted}), {value}",
            snake(name)
        ),
    )
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_are_numbers_or_strings_in_either_spelling() {
        for object in [
            json!({"epochCount": 3}),
            json!({"epochCount": "3"}),
            json!({"epoch_count": "3"}),
        ] {
            assert_eq!(int64(&object, "epochCount").unwrap(), Some(3), "{object}");
        }
        assert!(int64(&json!({"epochCount": 1.5}), "epochCount").is_err());
        assert_eq!(
            int64(&json!({"epochCount": null}), "epochCount").unwrap(),
            None
        );
    }

    #[test]
    fn an_unknown_name_is_refused_with_its_path() {
        let error = only(&json!({"batchSize": 4}), "tuning_job", &["epochCount"]).unwrap_err();
        assert!(
            error.message.contains("\"batchSize\" at 'tuning_job'"),
            "{error:?}"
        );
        assert!(only(&json!({"epoch_count": 4}), "tuning_job", &["epochCount"]).is_ok());
    }

    #[test]
    fn nan_is_represented_as_a_string() {
        assert_eq!(number(f64::NAN), json!("NaN"));
        assert_eq!(number(0.5), json!(0.5));
    }
}
