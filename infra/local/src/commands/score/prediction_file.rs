//! A file of predictions or references: lines, each with an id and named texts.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The keys under which a text may be, the first first.
const TEXT_KEYS: [&str; 5] = ["prediction", "output", "reference", "answer", "text"];
/// Columns of a file that has everything.
const COLUMNS: [&str; 4] = ["prediction", "baseline", "serving", "reference"];

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableFile {
    /// It is absent or not text.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// It has no lines.
    #[error("`{}` has no rows", path.display())]
    Empty { path: PathBuf },
    /// Two rows have one id.
    #[error("`{}`: two rows have the id `{id}`", path.display())]
    DuplicateId { path: PathBuf, id: String },
    /// Rows without ids are matched by order, which needs as many rows.
    #[error("`{}` has {rows} rows without ids, but there are {expected} references", path.display())]
    OtherLength {
        path: PathBuf,
        rows: usize,
        expected: usize,
    },
    /// No row has the id of a reference.
    #[error("no id in `{}` is that of a reference", path.display())]
    NoMatch { path: PathBuf },
}

/// A line.
#[derive(Debug)]
struct Line {
    id: Option<String>,
    /// What the line says as a whole.
    text: String,
    /// The columns that it has.
    columns: BTreeMap<&'static str, String>,
}

/// A file.
#[derive(Debug)]
pub(super) struct PredictionFile {
    path: PathBuf,
    lines: Vec<Line>,
}

impl PredictionFile {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, UnusableFile> {
        let text = fs::read_to_string(path).map_err(|source| UnusableFile::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let lines: Vec<Line> = text.lines().map(Line::parse).collect();
        let path = path.to_owned();
        if lines.is_empty() {
            return Err(UnusableFile::Empty { path });
        }
        Ok(Self { path, lines })
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The ids of all rows, if each has one.
    pub(super) fn ids(&self) -> Option<Vec<&str>> {
        self.lines.iter().map(|line| line.id.as_deref()).collect()
    }

    /// The texts of all rows, in order.
    pub(super) fn texts(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.text.clone()).collect()
    }

    /// A column, if a row has it; absent in the rows that have not.
    pub(super) fn column(&self, name: &str) -> Option<Vec<Option<String>>> {
        let column: Vec<_> = self
            .lines
            .iter()
            .map(|line| line.columns.get(name).cloned())
            .collect();
        column.iter().any(Option::is_some).then_some(column)
    }

    /// The text for each reference: by id where both have ids, else by order.
    pub(super) fn matched(&self, references: &Self) -> Result<Vec<Option<String>>, UnusableFile> {
        let path = || self.path.clone();
        let (Some(ids), Some(expected)) = (self.ids(), references.ids()) else {
            if self.len() != references.len() {
                return Err(UnusableFile::OtherLength {
                    path: path(),
                    rows: self.len(),
                    expected: references.len(),
                });
            }
            return Ok(self.texts().into_iter().map(Some).collect());
        };
        let mut texts = HashMap::new();
        for (id, line) in ids.into_iter().zip(&self.lines) {
            if texts.insert(id, &line.text).is_some() {
                return Err(UnusableFile::DuplicateId {
                    path: path(),
                    id: id.to_owned(),
                });
            }
        }
        let matched: Vec<_> = expected
            .iter()
            .map(|id| texts.get(id).map(|text| (*text).clone()))
            .collect();
        if matched.iter().all(Option::is_none) {
            return Err(UnusableFile::NoMatch { path: path() });
        }
        Ok(matched)
    }

    /// Fails where two rows have one id.
    pub(super) fn check_ids(&self) -> Result<(), UnusableFile> {
        let mut ids = self.ids().unwrap_or_default();
        ids.sort_unstable();
        match ids.array_windows().find(|[one, other]| one == other) {
            Some([id, _]) => Err(UnusableFile::DuplicateId {
                path: self.path.clone(),
                id: (*id).to_owned(),
            }),
            None => Ok(()),
        }
    }
}

impl Line {
    fn parse(line: &str) -> Self {
        let plain = |text: String| Self {
            id: None,
            text,
            columns: BTreeMap::new(),
        };
        match serde_json::from_str::<Value>(line) {
            Ok(Value::String(text)) => plain(text),
            Ok(Value::Object(fields)) => {
                let text_at = |key: &str| match fields.get(key)? {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other @ (Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_)) => Some(other.to_string()),
                };
                let columns = COLUMNS
                    .iter()
                    .filter_map(|name| Some((*name, text_at(name)?)));
                Self {
                    id: text_at("id"),
                    text: TEXT_KEYS
                        .iter()
                        .find_map(|key| text_at(key))
                        .unwrap_or_else(|| line.to_owned()),
                    columns: columns.collect(),
                }
            }
            Ok(_) | Err(_) => plain(line.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_stands() {
        for (line, id, text) in [
            (r#"{"id":7,"output":"a"}"#, Some("7"), "a"),
            (
                r#"{"id":"x","prediction":"a","reference":"b"}"#,
                Some("x"),
                "a",
            ),
            (r#"{"reference":"b"}"#, None, "b"),
            (r#"{"answer":{"n":1}}"#, None, r#"{"n":1}"#),
            (r#"{"text":null,"answer":"c"}"#, None, "c"),
            (r#"{"n":1}"#, None, r#"{"n":1}"#),
            (r#""quoted""#, None, "quoted"),
            ("42", None, "42"),
            ("plain words", None, "plain words"),
            ("", None, ""),
        ] {
            let found = Line::parse(line);
            assert_eq!(
                (found.id.as_deref(), found.text.as_str()),
                (id, text),
                "{line}"
            );
        }
    }
}
