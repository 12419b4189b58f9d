//! What a rule found, and where.

use std::{borrow::Cow, num::NonZero};

use serde::{Deserialize, Serialize};

use crate::{
    row_span::{RowNumbers, RowPosition},
    severity::Severity,
};

/// What a rule found. Contains no text of a row except the names of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable name of the rule.
    pub code: Cow<'static, str>,
    /// What was done about it.
    pub severity: Severity,
    /// Line of the file on which the row starts, from 1; 0 for a finding about the whole file.
    pub line: u64,
    /// Number of the row, from 1, where rows are not found by their lines.
    #[serde(default)]
    pub row: Option<NonZero<u32>>,
    /// Where the row is, for people: `line 3, column 9`, `$[2] on line 3`, `row 3`, `whole file`. Empty
    /// in reports made before it was written.
    #[serde(default)]
    pub place: String,
    /// Character on that line, from 1, where it is known and on the first line of the row.
    pub column: Option<u64>,
    /// JSON path within the row, where it is known.
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub fix: Cow<'static, str>,
}

impl Finding {
    /// Which row it is about.
    pub(crate) fn position(&self) -> RowPosition {
        RowPosition {
            line: self.line,
            row: self.row,
        }
    }

    /// The same with its place named.
    pub(crate) fn placed(self, numbers: &RowNumbers) -> Self {
        let place = match (self.line, self.row, self.column) {
            (0, ..) => "whole file".to_owned(),
            (line, None, None) => format!("line {line}"),
            (line, None, Some(column)) => format!("line {line}, column {column}"),
            (line, Some(row), _) => {
                let name = numbers.name(row.get().into());
                // Many files are one line, and of others the line is the number.
                if line > 1 && line != u64::from(row.get()) {
                    format!("{name} on line {line}")
                } else {
                    name
                }
            }
        };
        Self { place, ..self }
    }
}
