//! The leaves of a JSON document: paths and scalars.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::metric::count;

/// Whether a path names the positions of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    Ordered,
    Unordered,
}

/// The scalars at each path: one, or several where positions are not named.
#[derive(Debug)]
pub(super) struct Leaves<'a> {
    paths: BTreeMap<String, Vec<&'a Value>>,
    size: usize,
}

impl<'a> Leaves<'a> {
    pub(super) fn of(document: &'a Value, kind: PathKind) -> Self {
        let mut leaves = Self {
            paths: BTreeMap::new(),
            size: 0,
        };
        leaves.collect(&mut String::new(), document, kind);
        leaves
    }

    /// Recursion is bounded by the parser, which refuses more than 128 levels.
    fn collect(&mut self, path: &mut String, value: &'a Value, kind: PathKind) {
        let length = path.len();
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    // Escaped, so that a key with a dot cannot be mistaken for two keys.
                    path.push_str(&Value::from(key.as_str()).to_string());
                    self.collect(path, value, kind);
                    path.truncate(length);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    match kind {
                        PathKind::Ordered => path.extend(["[", &index.to_string(), "]"]),
                        PathKind::Unordered => path.push_str("[]"),
                    }
                    self.collect(path, value, kind);
                    path.truncate(length);
                }
            }
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {
                self.size += 1;
                self.paths.entry(path.clone()).or_default().push(value);
            }
        }
    }

    /// F1 over leaves: each is used up once.
    pub(super) fn f1(&self, other: &Self) -> f64 {
        let shared = self.paths.iter().map(|(path, values)| {
            let mut left = other.paths.get(path).cloned().unwrap_or_default();
            let is_found = |value: &&&Value| {
                let at = left.iter().position(|theirs| same(value, theirs));
                at.map(|at| left.swap_remove(at)).is_some()
            };
            values.iter().filter(is_found).count()
        });
        // A document has at least one leaf, so this never divides by zero.
        2.0 * count(shared.sum::<usize>()) / count(self.size + other.size)
    }

    /// F1 over distinct paths.
    pub(super) fn f1_of_paths(&self, other: &Self) -> f64 {
        let paths = self.paths.keys();
        let shared = paths.filter(|path| other.paths.contains_key(*path)).count();
        2.0 * count(shared) / count(self.paths.len() + other.paths.len())
    }
}

/// Equality by value: numbers by their amount, objects without order, arrays in order.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let mut fields = one.iter();
            one.len() == other.len()
                && fields.all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        (Value::Number(a), Value::Number(b)) => {
            // Two integers that differ may still round to one float.
            let floats = (a.as_f64(), b.as_f64());
            a == b
                || (a.is_f64() || b.is_f64())
                    && matches!(floats, (Some(a), Some(b)) if a.total_cmp(&b).is_eq())
        }
        _ => one == other,
    }
}
