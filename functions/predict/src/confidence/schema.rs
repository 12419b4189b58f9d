//! Whether JSON follows a `responseSchema` (the subset of `OpenAPI`, types in upper case) or a
//! `responseJsonSchema` (types in lower case): types, `required`, `properties`, `items`, `enum`, `anyOf`,
//! `nullable`. What else a schema says is not checked, so a reply is never rejected for a keyword that is
//! not understood here.

use serde_json::{Map, Value};

use crate::question::field;

/// Whether `schema` accepts `value`.
pub(super) fn accepts(schema: &Value, value: &Value) -> bool {
    let Some(schema) = schema.as_object() else {
        return true;
    };
    if value.is_null() && field(schema, "nullable") == Some(&Value::Bool(true)) {
        return true;
    }
    if let Some(Value::Array(choices)) = field(schema, "anyOf")
        && !choices.iter().any(|choice| accepts(choice, value))
    {
        return false;
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        return false;
    }
    has_type(schema, value) && has_fields(schema, value) && has_items(schema, value)
}

fn has_type(schema: &Map<String, Value>, value: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => is_of(name, value),
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str);
            names.any(|name| is_of(name, value))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => true,
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name.to_ascii_lowercase().as_str() {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

fn has_fields(schema: &Map<String, Value>, value: &Value) -> bool {
    let Some(fields) = value.as_object() else {
        return true;
    };
    let required = schema.get("required").and_then(Value::as_array);
    let mut required = required.into_iter().flatten().filter_map(Value::as_str);
    if !required.all(|name| fields.contains_key(name)) {
        return false;
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return true;
    };
    fields.iter().all(|(name, value)| {
        let property = properties.get(name);
        property.is_none_or(|schema| accepts(schema, value))
    })
}

fn has_items(schema: &Map<String, Value>, value: &Value) -> bool {
    match (schema.get("items"), value) {
        (Some(schema), Value::Array(items)) => items.iter().all(|item| accepts(schema, item)),
        (Some(_) | None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_follows_its_schema_or_does_not() {
        let schema = json!({
            "type": "OBJECT",
            "required": ["name", "tags"],
            "properties": {
                "name": { "type": "STRING" },
                "tags": { "type": "ARRAY", "items": { "type": "STRING", "enum": ["a", "b"] } },
                "age": { "type": "INTEGER", "nullable": true },
                "id": { "anyOf": [{ "type": "string" }, { "type": ["integer", "null"] }] },
            },
        });
        for (value, expected) in [
            (json!({ "name": "x", "tags": ["a"] }), true),
            (
                json!({ "name": "x", "tags": [], "age": null, "id": null, "more": 1 }),
                true,
            ),
            (
                json!({ "name": "x", "tags": [], "age": 3.0, "id": "7" }),
                true,
            ),
            (json!({ "name": "x" }), false),
            (json!({ "name": 1, "tags": [] }), false),
            (json!({ "name": "x", "tags": ["c"] }), false),
            (json!({ "name": "x", "tags": [], "age": 3.5 }), false),
            (json!({ "name": "x", "tags": [], "id": true }), false),
            (json!([]), false),
        ] {
            assert_eq!(accepts(&schema, &value), expected, "{value}");
        }
        assert!(accepts(&json!(null), &json!(1)));
        assert!(accepts(&json!({ "type": "MYSTERY" }), &json!(1)));
    }
}
