//! Field paths such as ``a.`b.c`.d``, used by masks, filters, orders and transforms.

use std::collections::HashMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    DocumentMask, MapValue, Value, value::ValueType,
};

use super::{error::Error, name};

/// A document's or a map's fields.
pub(super) type Fields = HashMap<String, Value>;

/// Segments of a path that is written to: maps cannot nest deeper.
const SEGMENTS_MAX: usize = 20;

/// The path to a field through maps; never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FieldPath(Vec<String>);

impl FieldPath {
    /// Parses a path: segments separated by dots, each plain (`[a-zA-Z_][a-zA-Z_0-9]*`) or in backticks.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::invalid("Invalid empty property path string."));
        }
        let error = || Error::invalid(format!("Invalid property path {text:?}."));
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = segment(rest).ok_or_else(error)?;
            segments.push(segment);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(Self(segments)),
                None => return Err(error()),
            }
        }
    }

    /// Parses a path that is written to; it cannot contain reserved names.
    pub(super) fn parse_writable(text: &str) -> Result<Self, Error> {
        let path = Self::parse(text)?;
        if path.0.len() > SEGMENTS_MAX {
            return Err(Error::invalid("paths must have at most 20 elements"));
        }
        match path.0.iter().find(|segment| name::is_reserved(segment)) {
            Some(segment) => Err(Error::invalid(format!("field name {segment} is reserved"))),
            None => Ok(path),
        }
    }

    /// Whether this is `__name__`, the document's own name.
    pub(super) fn is_name(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only == "__name__")
    }

    /// `__name__`.
    pub(super) fn name() -> Self {
        Self(vec!["__name__".to_owned()])
    }

    /// Whether `self` is the path of a field inside the one at `other`.
    pub(super) fn is_inside(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }

    /// The value at this path.
    pub(super) fn get<'a>(&self, fields: &'a Fields) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(fields.get(first)?, |value, segment| {
            match &value.value_type {
                Some(ValueType::MapValue(map)) => map.fields.get(segment),
                _ => None,
            }
        })
    }

    /// Sets `value` here; a value on the way that is not a map is replaced by one.
    pub(super) fn set(&self, fields: &mut Fields, value: Value) {
        set(&self.0, fields, value);
    }

    /// Removes the value here; maps that become empty stay.
    pub(super) fn remove(&self, fields: &mut Fields) {
        remove(&self.0, fields);
    }
}

/// Parses a mask for reading.
pub(super) fn mask(mask: Option<DocumentMask>) -> Result<Option<Vec<FieldPath>>, Error> {
    let parse = |mask: DocumentMask| {
        mask.field_paths
            .iter()
            .map(|path| FieldPath::parse(path))
            .collect()
    };
    mask.map(parse).transpose()
}

/// The part of `fields` that `mask` selects.
pub(super) fn project(fields: &Fields, mask: &[FieldPath]) -> Fields {
    let mut shown = Fields::new();
    for path in mask {
        if let Some(value) = path.get(fields) {
            path.set(&mut shown, value.clone());
        }
    }
    shown
}

fn segment(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('`') else {
        let end = text
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len());
        let (plain, rest) = text.split_at(end);
        let starts_well = !plain.is_empty() && !plain.starts_with(|c: char| c.is_ascii_digit());
        return starts_well.then(|| (plain.to_owned(), rest));
    };
    let mut segment = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '`' if segment.is_empty() => return None,
            '`' => return Some((segment, chars.as_str())),
            '\\' => segment.push(chars.next()?),
            other => segment.push(other),
        }
    }
}

fn set(path: &[String], fields: &mut Fields, value: Value) {
    match path {
        [] => {}
        [last] => {
            fields.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = fields.entry(first.clone()).or_default();
            if !matches!(inner.value_type, Some(ValueType::MapValue(_))) {
                inner.value_type = Some(ValueType::MapValue(MapValue::default()));
            }
            if let Some(ValueType::MapValue(map)) = &mut inner.value_type {
                set(rest, &mut map.fields, value);
            }
        }
    }
}

fn remove(path: &[String], fields: &mut Fields) {
    match path {
        [] => {}
        [last] => {
            fields.remove(last);
        }
        [first, rest @ ..] => {
            if let Some(ValueType::MapValue(map)) = fields
                .get_mut(first)
                .and_then(|value| value.value_type.as_mut())
            {
                remove(rest, &mut map.fields);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&str]>) {
        let path = FieldPath::parse(text).ok().map(|path| path.0);
        let expected = expected.map(|path| path.iter().map(ToString::to_string).collect());
        assert_eq!(path, expected, "{text}");
    }

    #[test]
    fn paths_are_parsed_by_the_rules_of_the_service() {
        check("a", Some(&["a"]));
        check("a.b_1", Some(&["a", "b_1"]));
        check("`a.b`.c", Some(&["a.b", "c"]));
        check("a.`x-y`", Some(&["a", "x-y"]));
        check(r"`a\`b\\`", Some(&[r"a`b\"]));
        check("`é`", Some(&["é"]));
        for wrong in [
            "", "a.", ".a", "a..b", "a-b", "1a", "`1a", "`a`x", "é", "``", "a b",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_path_is_inside_its_own_prefix_only() {
        let path = |text| FieldPath::parse(text).unwrap();
        assert!(path("a.b").is_inside(&path("a")));
        assert!(!path("a").is_inside(&path("a")), "not inside itself");
        assert!(
            !path("ab.c").is_inside(&path("a")),
            "whole segments are compared"
        );
    }
}
