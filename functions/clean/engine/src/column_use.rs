//! What became of every column: how many rows have it, and whether it was read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    formats::{self, KnownShape, ReadOptions, directives},
    json::{Object, Value},
    key_names::shown,
    keys::Keys,
    report::{ColumnReport, ColumnUse},
    rule::Fault,
    schema::{self, Meaning},
    settings::Settings,
};

/// Most different sets of columns that are kept apart in a batch, and most columns in a report:
/// a file whose keys are data has as many as rows.
const SHAPES_MAX: usize = 32;
const COLUMNS_MAX: usize = 128;

/// Content that does not change what a row teaches if it is not read.
const HARMLESS: &[&str] = &["category", "label_text", "label"];

/// The sets of columns that rows have.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ColumnCounts {
    shapes: Vec<RowShape>,
    /// The shape of the last row: most rows of a file have the same one.
    last: usize,
}

/// The columns of some rows, and the formats that these were read in.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RowShape {
    keys: Vec<String>,
    /// How rows with these columns, and no others, are read.
    #[serde(skip)]
    known: Option<KnownShape>,
    /// Rows by format; an empty name for rows that were not read.
    formats: BTreeMap<String, u64>,
}

/// Which shape a row has, and how rows with it are read, where that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FoundShape {
    index: Option<usize>,
    pub(crate) known: Option<KnownShape>,
}

impl ColumnCounts {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.shapes.clear();
        self.last = 0;
    }

    /// The shape of `row`, which is read by `options`.
    pub(crate) fn shape_of(&mut self, row: &Object<'_>, options: ReadOptions) -> FoundShape {
        if self
            .shapes
            .get(self.last)
            .is_none_or(|shape| !shape.is_of(row))
        {
            let known = self.shapes.iter().position(|shape| shape.is_of(row));
            self.last = match known {
                Some(known) => known,
                None if self.shapes.len() < SHAPES_MAX => {
                    self.shapes.push(RowShape {
                        keys: given(row).map(str::to_owned).collect(),
                        known: KnownShape::of(row, options),
                        formats: BTreeMap::new(),
                    });
                    self.shapes.len() - 1
                }
                None => return FoundShape::default(),
            };
        }
        let shape = self.shapes.get(self.last);
        // A row with the same columns may have others that are `null`.
        let same = shape.filter(|shape| shape.keys.len() == row.members.len());
        FoundShape {
            index: Some(self.last),
            known: same.and_then(|shape| shape.known),
        }
    }

    /// Names the column that `fault` is about as the row writes it, where that is not our name for it.
    pub(crate) fn name_as_written(&self, shape: FoundShape, fault: &mut Fault) {
        let shape = shape.index.and_then(|index| self.shapes.get(index));
        let path = fault
            .path
            .as_deref()
            .and_then(|path| path.strip_prefix("$."));
        let (Some(RowShape { keys, .. }), Some(path)) = (shape, path) else {
            return;
        };
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (name, rest) = path.split_at(end);
        let is_meant = |key: &&String| schema::column(key).is_some_and(|it| it.name == name);
        if keys.iter().any(|key| key == name) {
            return;
        }
        let Some(own) = keys.iter().find(is_meant).map(|key| shown(key)) else {
            return;
        };
        fault.message = fault
            .message
            .replace(&format!("`{name}`"), &format!("`{own}`"));
        fault.path = Some(format!("$.{own}{rest}"));
    }

    /// Counts a row of a shape, which was read as `format`.
    pub(crate) fn count(&mut self, shape: FoundShape, format: &'static str) {
        let shape = shape.index.and_then(|index| self.shapes.get_mut(index));
        let Some(RowShape { formats, .. }) = shape else {
            return;
        };
        match formats.get_mut(format) {
            Some(rows) => *rows += 1,
            None => {
                formats.insert(format.to_owned(), 1);
            }
        }
    }
}

impl RowShape {
    /// Whether another column has the meaning of `key`: under our own name, or before it.
    fn is_replaced(&self, key: &str) -> bool {
        let name = |key: &str| schema::column(key).map(|column| column.name);
        let Some(ours) = name(key).filter(|ours| *ours != key) else {
            return false;
        };
        let before = self.keys.iter().take_while(|other| *other != key);
        self.keys.iter().any(|other| other == ours)
            || before.into_iter().any(|other| name(other) == Some(ours))
    }

    fn is_of(&self, row: &Object<'_>) -> bool {
        given(row).eq(self.keys.iter().map(String::as_str))
    }
}

/// The columns that have a value in `row`.
fn given<'r>(row: &'r Object<'_>) -> impl Iterator<Item = &'r str> {
    let members = row.members.iter();
    let given = members.filter(|(_, node)| !matches!(node.value, Value::Null));
    given.map(|(key, _)| key.as_ref())
}

/// What became of the columns of all rows so far.
#[derive(Debug, Default)]
pub(crate) struct ColumnTotals {
    columns: BTreeMap<String, ColumnReport>,
    /// Columns that carry meaning and are not read, by the rows that have them.
    unread: BTreeMap<String, u64>,
}

impl ColumnTotals {
    /// Adds the columns of a batch.
    pub(crate) fn add(&mut self, counts: &ColumnCounts, settings: &Settings) {
        for shape in &counts.shapes {
            for (format, rows) in &shape.formats {
                for key in &shape.keys {
                    let becomes = if shape.is_replaced(key) {
                        (ColumnUse::Ignored, true)
                    } else {
                        column_use(key, format, settings)
                    };
                    self.add_column(key, becomes, *rows);
                }
            }
        }
    }

    fn add_column(&mut self, key: &str, becomes: (ColumnUse, bool), rows: u64) {
        let name = shown(key);
        let is_known = self.columns.contains_key(&name);
        if !is_known && self.columns.len() >= COLUMNS_MAX {
            return;
        }
        let (used, is_missed) = becomes;
        let column = self
            .columns
            .entry(name.clone())
            .or_insert(ColumnReport { rows: 0, used });
        column.rows += rows;
        column.used = column.used.min(used);
        if is_missed {
            *self.unread.entry(name).or_default() += rows;
        }
    }

    /// Columns that carry meaning and are not read.
    pub(crate) fn unread(&self) -> Vec<(String, u64)> {
        let unread = self.unread.iter();
        unread.map(|(key, rows)| (key.clone(), *rows)).collect()
    }

    /// What became of every column.
    pub(crate) fn into_report(self) -> BTreeMap<String, ColumnReport> {
        self.columns
    }
}

/// What becomes of a column in rows of a format, and whether it is missed.
fn column_use(key: &str, format: &str, settings: &Settings) -> (ColumnUse, bool) {
    if !settings.columns.is_empty() {
        let is_mapped = settings.columns.values().any(|column| column == key);
        let used = if is_mapped {
            ColumnUse::Read
        } else {
            ColumnUse::Ignored
        };
        return (used, false);
    }
    let Some(format) = formats::FORMATS.iter().find(|known| known.name == format) else {
        return (ColumnUse::Ignored, false);
    };
    let column = match Keys::named(key) {
        Keys::NONE => schema::column(key),
        _ => None,
    };
    let name = column.map_or(key, |column| column.name);
    if format.reads(name) {
        let is_ours = name == key;
        let used = if is_ours {
            ColumnUse::Read
        } else {
            ColumnUse::Converted
        };
        return (used, false);
    }
    if name == "label" {
        return (ColumnUse::Converted, false);
    }
    let meaning = schema::column(name).map(|column| column.meaning);
    match meaning {
        Some(Meaning::Directive) if name == directives::SCORE && settings.score_min.is_none() => {
            (ColumnUse::Ignored, true)
        }
        Some(Meaning::Background | Meaning::Files | Meaning::Directive) => {
            (ColumnUse::Converted, false)
        }
        Some(Meaning::Content) => (ColumnUse::Ignored, !HARMLESS.contains(&name)),
        Some(Meaning::Unread) => (ColumnUse::Ignored, true),
        None => (ColumnUse::Ignored, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::report_on;

    #[test]
    fn every_column_is_named_with_its_rows() {
        let report = report_on(
            "{\"Question\":\"a\",\"answer\":\"one two three\",\"id\":7,\"context\":null}\n\
             {\"question\":\"b\",\"answer\":\"one two three\",\"Passage\":\"c\",\"cot\":\"d\"}\n\
             {\"id\":8}\n",
        );
        let column = |name: &str| {
            let column = &report.columns[name];
            (column.rows, column.used)
        };
        assert_eq!(column("Question"), (1, ColumnUse::Converted));
        assert_eq!(column("question"), (1, ColumnUse::Read));
        assert_eq!(column("answer"), (2, ColumnUse::Read));
        assert_eq!(column("Passage"), (1, ColumnUse::Converted));
        assert_eq!(column("id"), (2, ColumnUse::Ignored));
        assert_eq!(column("cot"), (1, ColumnUse::Ignored));
        assert_eq!(report.columns.len(), 6);
        assert_eq!(report.codes["unread_column"], 1);
    }

    #[test]
    fn keys_that_are_data_are_not_all_listed() {
        let rows = (0..500)
            .map(|n| format!("{{\"input\":\"a{n}\",\"output\":\"one two three\",\"k{n}\":1}}\n"));
        let report = report_on(&rows.collect::<String>());
        assert!(report.columns.len() <= COLUMNS_MAX);
        assert_eq!(report.rows.kept, 500);
    }
}
