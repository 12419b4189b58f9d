//! A schema that answers must fit: the part of JSON Schema that answers of models are described with.
//!
//! Keywords that are not checked are refused: an answer would pass that the schema forbids.

use std::collections::BTreeMap;

use toml::Value as Toml;

use crate::json::Value;

/// Keywords that say nothing about an answer.
const SILENT: &[&str] = &[
    "$schema",
    "$id",
    "title",
    "description",
    "default",
    "examples",
];

/// Deepest nesting of a schema.
const DEPTH_MAX: usize = 32;

/// What a value must be.
#[derive(Debug, Default)]
pub(super) struct AnswerSchema {
    kinds: Vec<Kind>,
    /// The values of `enum`, each as JSON.
    choices: Vec<serde_json::Value>,
    properties: BTreeMap<String, AnswerSchema>,
    required: Vec<String>,
    /// Whether properties that are not named are allowed.
    is_closed: bool,
    items: Option<Box<AnswerSchema>>,
    /// Limits of a number, of the characters of a text, and of the elements of an array.
    value: Limits,
    length: Limits,
    elements: Limits,
}

#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    least: Option<f64>,
    most: Option<f64>,
}

impl Limits {
    fn allow(self, value: f64) -> bool {
        self.least.is_none_or(|least| value >= least) && self.most.is_none_or(|most| value <= most)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Bool,
    Null,
}

impl Kind {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Object, "object"),
        (Self::Array, "array"),
        (Self::Text, "string"),
        (Self::Integer, "integer"),
        (Self::Number, "number"),
        (Self::Bool, "boolean"),
        (Self::Null, "null"),
    ];

    fn named(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(_, known)| *known == name);
        known.map(|(kind, _)| *kind).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            format!("`output_schema`: expected a type among {names}, found `{name}`")
        })
    }

    fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(kind, _)| *kind == self);
        known.map_or("", |(_, name)| name)
    }

    fn takes(self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Integer, Value::Number(digits)) => digits
                .parse()
                .is_ok_and(|number: f64| number.fract().abs() <= 0.0),
            (Self::Object, Value::Object(_))
            | (Self::Array, Value::List(_))
            | (Self::Text, Value::Text(_))
            | (Self::Number, Value::Number(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Null, Value::Null) => true,
            _ => false,
        }
    }
}

impl AnswerSchema {
    /// Reads a schema.
    pub(super) fn of(schema: &toml::Table) -> Result<Self, String> {
        Self::read(schema, 0)
    }

    fn read(schema: &toml::Table, depth: usize) -> Result<Self, String> {
        if depth > DEPTH_MAX {
            return Err("`output_schema` is nested too deep".to_owned());
        }
        let mut read = Self::default();
        for (keyword, value) in schema {
            let wrong = |expected: &str| {
                format!("`output_schema`: `{keyword}` is {value}, expected {expected}")
            };
            match (keyword.as_str(), value) {
                ("type", Toml::String(name)) => read.kinds.push(Kind::named(name)?),
                ("type" | "required", Toml::Array(names)) => {
                    for name in names {
                        let name = name.as_str().ok_or_else(|| wrong("texts"))?;
                        if keyword == "type" {
                            read.kinds.push(Kind::named(name)?);
                        } else {
                            read.required.push(name.to_owned());
                        }
                    }
                }
                ("enum", Toml::Array(choices)) => {
                    let choices = choices.iter().map(serde_json::to_value);
                    let choices: Result<_, _> = choices.collect();
                    read.choices = choices.map_err(|_error| wrong("values of JSON"))?;
                }
                ("properties", Toml::Table(properties)) => {
                    for (name, property) in properties {
                        let property = property.as_table().ok_or_else(|| wrong("schemas"))?;
                        let property = Self::read(property, depth + 1)?;
                        read.properties.insert(name.clone(), property);
                    }
                }
                ("additionalProperties", Toml::Boolean(allowed)) => read.is_closed = !allowed,
                ("items", Toml::Table(items)) => {
                    read.items = Some(Box::new(Self::read(items, depth + 1)?));
                }
                (
                    "minimum" | "maximum" | "minLength" | "maxLength" | "minItems" | "maxItems",
                    _,
                ) => {
                    #[expect(clippy::cast_precision_loss, reason = "limits are small")]
                    let whole = value.as_integer().map(|number| number as f64);
                    let number = whole.or(value.as_float());
                    let number = number.ok_or_else(|| wrong("a number"))?;
                    read.limit(keyword, number);
                }
                (silent, _) if SILENT.contains(&silent) => {}
                _ => {
                    return Err(format!(
                        "`output_schema` has `{keyword}` = {value}, expected type, enum, properties, \
                         required, additionalProperties, items, minimum, maximum, minLength, maxLength, \
                         minItems or maxItems"
                    ));
                }
            }
        }
        Ok(read)
    }

    fn limit(&mut self, keyword: &str, number: f64) {
        let limits = match keyword {
            "minimum" | "maximum" => &mut self.value,
            "minLength" | "maxLength" => &mut self.length,
            _ => &mut self.elements,
        };
        if keyword.starts_with("min") {
            limits.least = Some(number);
        } else {
            limits.most = Some(number);
        }
    }

    /// Checks the value at `path`; says what does not fit.
    pub(super) fn check(&self, value: &Value<'_>, path: &str) -> Result<(), String> {
        let is_kind = |kind: &Kind| kind.takes(value);
        if !self.kinds.is_empty() && !self.kinds.iter().any(is_kind) {
            let expected: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
            let expected = expected.join(" or ");
            return Err(format!(
                "{path}: expected {expected}, found {}",
                value.kind()
            ));
        }
        if !self.choices.is_empty() && !self.choices.contains(&plain(value)) {
            return Err(format!("{path}: the value is none of `enum`"));
        }
        match value {
            Value::Number(digits) => {
                let number = digits.parse().unwrap_or(f64::NAN);
                if !self.value.allow(number) {
                    return Err(format!("{path}: the number is out of range"));
                }
            }
            Value::Text(text) => {
                if !self.length.allow(count(text.chars().count())) {
                    return Err(format!("{path}: the text is too long or too short"));
                }
            }
            Value::List(nodes) => {
                if !self.elements.allow(count(nodes.len())) {
                    return Err(format!(
                        "{path}: the array has too many or too few elements"
                    ));
                }
                if let Some(items) = &self.items {
                    for (index, node) in nodes.iter().enumerate() {
                        items.check(&node.value, &format!("{path}[{index}]"))?;
                    }
                }
            }
            Value::Object(object) => {
                if let Some(lacking) = self.required.iter().find(|name| !object.has(name)) {
                    return Err(format!("{path}: `{lacking}` is missing"));
                }
                for (name, node) in &object.members {
                    match self.properties.get(name.as_ref()) {
                        Some(property) => property.check(&node.value, &format!("{path}.{name}"))?,
                        // The name may be anything, even personal data.
                        None if self.is_closed => {
                            return Err(format!("{path}: a property is not in the schema"));
                        }
                        None => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
fn count(length: usize) -> f64 {
    length as f64
}

/// The same value for comparing it with those of `enum`.
fn plain(value: &Value<'_>) -> serde_json::Value {
    let mut written = Vec::new();
    crate::json::write(value, &mut written);
    serde_json::from_slice(&written).unwrap_or_default()
}
