//! Random answers that are valid under a response schema.

use serde_json::{Map, Value};

use super::{
    number::{Seed, count, length, real, whole},
    protojson::field,
};

/// Levels of a schema that are followed; deeper ones give `null`.
const DEPTH_MAX: u8 = 8;

/// A value that satisfies `schema` (`OpenAPI` or JSON Schema), with `text` for free strings.
pub(super) fn value(schema: &Value, text: &str, seed: Seed) -> Value {
    shaped(schema, text, seed, DEPTH_MAX)
}

fn shaped(schema: &Value, text: &str, seed: Seed, depth: u8) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Null;
    };
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let at = length(whole(seed.unit() * real(count(choices.len()))));
        return choices.get(at).cloned().unwrap_or(Value::Null);
    }
    let kind = schema
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("string");
    match kind.to_ascii_lowercase().as_str() {
        "object" => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let fields: Map<String, Value> = fields
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), shaped(schema, text, seed.named(name), depth)))
                .collect();
            Value::Object(fields)
        }
        "array" => {
            let item = schema
                .get("items")
                .map(|items| shaped(items, text, seed.with(1), depth));
            Value::Array(item.into_iter().collect())
        }
        "integer" => whole(bounded(schema, seed).round()).into(),
        "number" => bounded(schema, seed).into(),
        "boolean" => (seed.unit() < 0.5).into(),
        _ => text.into(),
    }
}

fn bounded(schema: &Value, seed: Seed) -> f64 {
    let bound = |name| field(schema, name).and_then(Value::as_f64);
    let low = bound("minimum").unwrap_or(0.0);
    seed.between(low, bound("maximum").unwrap_or(low + 1.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_has_the_shape_of_the_schema() {
        let schema = json!({"type": "OBJECT", "properties": {
            "choice": {"type": "STRING", "enum": ["A", "B", "TIE"]},
            "score": {"type": "INTEGER", "minimum": 1, "maximum": 5},
            "why": {"type": "STRING"},
        }});
        let value = value(&schema, "because", Seed::of(b"q"));
        assert!(["A", "B", "TIE"].contains(&value["choice"].as_str().unwrap()));
        assert!((1..=5).contains(&value["score"].as_u64().unwrap()));
        assert_eq!(value["why"], "because");
    }
}
