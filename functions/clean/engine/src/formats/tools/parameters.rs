//! Translates the JSON Schema of a function's parameters to Gemini's `Schema`.
//!
//! Source: `google.cloud.aiplatform.v1.Schema`, whose JSON form accepts only its own members, the
//! names of types in capitals, and strings as the values of an enumeration.

use std::borrow::Cow;

use crate::{
    json::{Node, Object, Text, Value},
    key_names::name_keys,
};

/// Members that say nothing about a value that is valid.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "id",
    "strict",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "contentMediaType",
];

/// Members that are the same in both.
const SHARED: &[&str] = &[
    "title",
    "description",
    "format",
    "default",
    "example",
    "nullable",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "propertyOrdering",
];

/// The schema as Gemini has it; `None` for one that allows nothing to be passed.
///
/// # Errors
/// The keyword that Gemini's has no equivalent for.
pub(super) fn translated<'a>(value: &Value<'a>) -> Result<Option<Value<'a>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Object(object) if object.members.is_empty() => Ok(None),
        other @ (Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Object(_)) => schema(other).map(Some),
    }
}

fn schema<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    let Value::Object(object) = value else {
        return Err(format!("{} as a schema", value.kind()));
    };
    let mut built = Schema::default();
    for (key, Node { value, .. }) in &object.members {
        if *value != Value::Null {
            built.add(key, value, is_integer(object))?;
        }
    }
    Ok(Value::Object(built.close()))
}

/// Whether a schema is of integers, whose exclusive bounds are bounds too.
fn is_integer(object: &Object<'_>) -> bool {
    let kind = object.get("type").and_then(|node| node.value.text());
    kind.is_some_and(|kind| kind.escaped().eq_ignore_ascii_case("integer"))
}

/// A schema being built.
#[derive(Default)]
struct Schema<'a> {
    members: Vec<(Cow<'a, str>, Node<'a>)>,
    nullable: bool,
}

impl<'a> Schema<'a> {
    fn add(&mut self, key: &str, value: &Value<'a>, is_integer: bool) -> Result<(), String> {
        let unknown = || name_keys([key].into_iter());
        match (key, value) {
            ("type", value) => self.add_type(value)?,
            ("properties", Value::Object(properties)) => {
                let mut members = Vec::with_capacity(properties.members.len());
                for (name, property) in &properties.members {
                    // Columnar files give every object the members of all others, with `null`.
                    if property.value != Value::Null {
                        members.push((name.clone(), Node::unplaced(schema(&property.value)?)));
                    }
                }
                self.push("properties", Value::Object(Object { members }));
            }
            ("items", item @ Value::Object(_)) => self.push("items", schema(item)?),
            ("enum", Value::List(values)) => self.add_enum(values).ok_or_else(unknown)?,
            ("const", Value::Text(value)) => {
                self.push(
                    "enum",
                    Value::List(vec![Node::unplaced(Value::Text(value.clone()))]),
                );
            }
            ("anyOf" | "oneOf" | "any_of", Value::List(branches)) => self.add_branches(branches)?,
            ("allOf", Value::List(all)) => match all.as_slice() {
                [
                    Node {
                        value: Value::Object(only),
                        ..
                    },
                ] => {
                    for (key, node) in &only.members {
                        self.add(key, &node.value, is_integer)?;
                    }
                }
                _ => return Err(unknown()),
            },
            ("exclusiveMinimum", Value::Number(bound)) if is_integer => {
                self.push("minimum", beyond(bound, 1).ok_or_else(unknown)?);
            }
            ("exclusiveMaximum", Value::Number(bound)) if is_integer => {
                self.push("maximum", beyond(bound, -1).ok_or_else(unknown)?);
            }
            ("additionalProperties", Value::Bool(_)) => {}
            (key, _) if ANNOTATIONS.contains(&key) => {}
            (key, value) => {
                let shared = SHARED.iter().find(|name| **name == key);
                self.push(shared.ok_or_else(unknown)?, value.clone());
            }
        }
        Ok(())
    }

    fn add_type(&mut self, value: &Value<'a>) -> Result<(), String> {
        let mut kinds = Vec::new();
        let named = match value {
            Value::List(nodes) => nodes.iter().map(|node| &node.value).collect(),
            one @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Object(_)) => vec![one],
        };
        for kind in named {
            let kind = kind.text().ok_or("a type that is not a string")?;
            let kind = kind.escaped().to_ascii_uppercase();
            match kind.as_str() {
                "NULL" => self.nullable = true,
                "STRING" | "NUMBER" | "INTEGER" | "BOOLEAN" | "ARRAY" | "OBJECT" => {
                    kinds.push(kind);
                }
                "TYPE_UNSPECIFIED" | "" => {}
                _ => return Err("a type that JSON Schema does not have".to_owned()),
            }
        }
        let text = |kind: &String| Value::Text(Text::of(kind));
        match kinds.as_slice() {
            [] => {}
            [only] => self.push("type", text(only)),
            several => {
                let branch = |kind: &String| {
                    let members = vec![(Cow::Borrowed("type"), Node::unplaced(text(kind)))];
                    Node::unplaced(Value::Object(Object { members }))
                };
                self.push("anyOf", Value::List(several.iter().map(branch).collect()));
            }
        }
        Ok(())
    }

    /// The values of an enumeration, if all are strings or `null`.
    fn add_enum(&mut self, values: &[Node<'a>]) -> Option<()> {
        let mut written = Vec::with_capacity(values.len());
        for Node { value, .. } in values {
            match value {
                Value::Text(_) => written.push(Node::unplaced(value.clone())),
                Value::Null => self.nullable = true,
                Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => {
                    return None;
                }
            }
        }
        self.push("enum", Value::List(written));
        Some(())
    }

    /// The alternatives of `anyOf`, without the one that is `null`.
    fn add_branches(&mut self, branches: &[Node<'a>]) -> Result<(), String> {
        let is_null = |branch: &Node<'_>| {
            let kind = branch.value.member("type").and_then(Value::text);
            kind.is_some_and(|kind| kind.escaped() == "null")
        };
        self.nullable |= branches.iter().any(is_null);
        let others = branches.iter().filter(|branch| !is_null(branch));
        let others: Vec<_> = others
            .map(|branch| schema(&branch.value))
            .collect::<Result<_, _>>()?;
        match <[Value<'a>; 1]>::try_from(others) {
            Ok([Value::Object(only)]) => {
                for (key, node) in only.members {
                    self.insert(key, node);
                }
            }
            Ok([only]) => self.push("anyOf", Value::List(vec![Node::unplaced(only)])),
            Err(others) => self.push(
                "anyOf",
                Value::List(others.into_iter().map(Node::unplaced).collect()),
            ),
        }
        Ok(())
    }

    fn push(&mut self, key: &'static str, value: Value<'a>) {
        self.insert(Cow::Borrowed(key), Node::unplaced(value));
    }

    /// Adds a member, unless there is one already: the first is the more special one.
    fn insert(&mut self, key: Cow<'a, str>, node: Node<'a>) {
        if !self.members.iter().any(|(other, _)| *other == key) {
            self.members.push((key, node));
        }
    }

    fn close(mut self) -> Object<'a> {
        if self.nullable {
            self.push("nullable", Value::Bool(true));
        }
        let is = |name: &str| self.members.iter().any(|(key, _)| key == name);
        if !is("type") && is("properties") {
            self.members.insert(
                0,
                (
                    Cow::Borrowed("type"),
                    Node::unplaced(Value::Text(Text::of("OBJECT"))),
                ),
            );
        } else if !is("type") && is("enum") {
            self.members.insert(
                0,
                (
                    Cow::Borrowed("type"),
                    Node::unplaced(Value::Text(Text::of("STRING"))),
                ),
            );
        }
        Object {
            members: self.members,
        }
    }
}

/// The next integer beyond `bound`, in the direction of `step`.
fn beyond(bound: &str, step: i64) -> Option<Value<'static>> {
    let next = bound.parse::<i64>().ok()?.checked_add(step)?;
    Some(Value::Number(Cow::Owned(next.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{parse, write};

    #[track_caller]
    fn check(given: &str, expected: Result<&str, &str>) {
        let given = parse(given).unwrap().node.value;
        let found = translated(&given).map(|found| {
            let mut out = Vec::new();
            write(&found.unwrap_or(Value::Null), &mut out);
            String::from_utf8(out).unwrap()
        });
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn types_are_in_capitals_and_null_is_a_flag() {
        check(
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":null},"required":["a"]}"#,
            Ok(r#"{"type":"OBJECT","properties":{"a":{"type":"STRING"}},"required":["a"]}"#),
        );
        check(
            r#"{"type":["string","null"]}"#,
            Ok(r#"{"type":"STRING","nullable":true}"#),
        );
        check(
            r#"{"type":["string","integer"]}"#,
            Ok(r#"{"anyOf":[{"type":"STRING"},{"type":"INTEGER"}]}"#),
        );
        check(
            r#"{"anyOf":[{"type":"string"},{"type":"null"}],"description":"d"}"#,
            Ok(r#"{"type":"STRING","description":"d","nullable":true}"#),
        );
        check(
            r#"{"type":"array","items":{"type":"number"}}"#,
            Ok(r#"{"type":"ARRAY","items":{"type":"NUMBER"}}"#),
        );
        check("{}", Ok("null"));
    }

    #[test]
    fn keywords_with_an_equivalent_are_translated() {
        check(
            r#"{"$schema":"x","type":"integer","exclusiveMinimum":0,"exclusiveMaximum":9}"#,
            Ok(r#"{"type":"INTEGER","minimum":1,"maximum":8}"#),
        );
        check(r#"{"const":"a"}"#, Ok(r#"{"type":"STRING","enum":["a"]}"#));
        check(
            r#"{"oneOf":[{"type":"string"},{"type":"boolean"}]}"#,
            Ok(r#"{"anyOf":[{"type":"STRING"},{"type":"BOOLEAN"}]}"#),
        );
        check(
            r#"{"type":"object","additionalProperties":false,"properties":{}}"#,
            Ok(r#"{"type":"OBJECT","properties":{}}"#),
        );
        check(
            r#"{"type":"string","enum":["a",null]}"#,
            Ok(r#"{"type":"STRING","enum":["a"],"nullable":true}"#),
        );
    }

    #[test]
    fn keywords_without_an_equivalent_are_named() {
        check(
            r#"{"type":"object","patternProperties":{}}"#,
            Err("`patternProperties`"),
        );
        check(
            r##"{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}}}"##,
            Err("`$ref`"),
        );
        check(
            r#"{"type":"number","exclusiveMinimum":0}"#,
            Err("`exclusiveMinimum`"),
        );
        check(r#"{"const":7}"#, Err("`const`"));
        check(r#"{"enum":[1,2]}"#, Err("`enum`"));
        check(r#"{"properties":{"a":true}}"#, Err("a boolean as a schema"));
    }
}
