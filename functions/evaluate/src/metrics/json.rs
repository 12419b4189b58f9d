//! `json`: F1 over the fields of two JSON documents. For schemas, extracted records and function calls.
//!
//! A document is split into leaves, each a path with a scalar (`items[0].price = 12.5`); an empty object or array is a leaf too.
//! The score is `2 · shared / (leaves of one + leaves of the other)`. The order of keys does not matter; that of the elements of
//! an array does, since it is part of their meaning. Numbers are compared by value (`1` equals `1.0`), strings exactly: partial
//! credit for prose is left to `similarity`.
//!
//! An answer that does not parse scores 0, even if it is JSON in a Markdown fence: the program that reads it could not use it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::metric::Metric;

/// See the module.
pub struct Json;

impl Metric for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn doc(&self) -> &'static str {
        "F1 over the fields, where the reference is a JSON object or array."
    }

    /// Only objects and arrays: a bare `42` or `"yes"` is JSON too, but is better compared as text.
    fn applies(&self, reference: &str) -> bool {
        document(reference).is_some()
    }

    fn score(&self, prediction: &str, reference: &str) -> f64 {
        let (Some(prediction), Some(reference)) = (document(prediction), document(reference))
        else {
            return 0.0;
        };
        let (prediction, reference) = (Leaves::of(&prediction), Leaves::of(&reference));
        let shared = prediction.shared(&reference);
        // A document has at least one leaf, so this never divides by zero.
        2.0 * count(shared) / count(prediction.0.len() + reference.0.len())
    }
}

fn document(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text)
        .ok()
        .filter(|value| value.is_object() || value.is_array())
}

#[expect(clippy::cast_precision_loss, reason = "leaves are far fewer than 2^52")]
fn count(leaves: usize) -> f64 {
    leaves as f64
}

/// Path to scalar. Paths are unique, because a parsed object has each key once.
struct Leaves<'a>(BTreeMap<String, &'a Value>);

impl<'a> Leaves<'a> {
    fn of(document: &'a Value) -> Self {
        let mut leaves = Self(BTreeMap::new());
        leaves.collect(&mut String::new(), document);
        leaves
    }

    /// Recursion is bounded by the parser, which refuses more than 128 levels.
    fn collect(&mut self, path: &mut String, value: &'a Value) {
        let length = path.len();
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    // Escaped, so that a key with a dot cannot be mistaken for two keys.
                    path.push_str(&Value::from(key.as_str()).to_string());
                    self.collect(path, value);
                    path.truncate(length);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    path.push('[');
                    path.push_str(&index.to_string());
                    path.push(']');
                    self.collect(path, value);
                    path.truncate(length);
                }
            }
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {
                self.0.insert(path.clone(), value);
            }
        }
    }

    fn shared(&self, other: &Self) -> usize {
        self.0
            .iter()
            .filter(|(path, value)| other.0.get(*path).is_some_and(|theirs| same(value, theirs)))
            .count()
    }
}

fn same(one: &Value, other: &Value) -> bool {
    one == other
        || match (one.as_f64(), other.as_f64()) {
            // Two integers that differ may still round to one float.
            (Some(a), Some(b)) => (one.is_f64() || other.is_f64()) && a.total_cmp(&b).is_eq(),
            (None, _) | (_, None) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prediction: &str, reference: &str, expected: f64) {
        let score = Json.score(prediction, reference);
        assert!(
            (score - expected).abs() < 1e-12,
            "{prediction} against {reference}: {score}, not {expected}"
        );
    }

    #[test]
    fn fields_are_counted() {
        check(r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#, 1.0);
        check(r#"{"a":1,"b":3}"#, r#"{"a":1,"b":2}"#, 0.5);
        check(r#"{"a":1}"#, r#"{"a":1,"b":2,"c":3}"#, 0.5);
        check(r#"{"a":{"b":[1,2]}}"#, r#"{"a":{"b":[1,3]}}"#, 0.5);
        check(r#"{"a":1.0}"#, r#"{"a":1}"#, 1.0);
        check(r#"{"a":"1"}"#, r#"{"a":1}"#, 0.0);
        check(
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992}"#,
            0.0,
        );
        check(r#"{"a.b":1}"#, r#"{"a":{"b":1}}"#, 0.0);
        check("[2,1]", "[1,2]", 0.0);
        check("{}", "{}", 1.0);
        check("{}", "[]", 0.0);
        check(r#"{"a":null}"#, r#"{"a":null}"#, 1.0);
    }

    #[test]
    fn what_does_not_parse_scores_0() {
        check("no", r#"{"a":1}"#, 0.0);
        check("```json\n{\"a\":1}\n```", r#"{"a":1}"#, 0.0);
        check(&"[".repeat(5000), "[1]", 0.0);
    }

    #[test]
    fn only_objects_and_arrays_are_documents() {
        assert!(Json.applies(r#" {"a":1} "#));
        assert!(Json.applies("[]"));
        for text in ["42", "\"yes\"", "true", "yes", ""] {
            assert!(!Json.applies(text), "{text}");
        }
    }
}
