//! What a rule found, and where.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// What a rule found. Contains no text of a row except the names of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable name of the rule.
    pub code: Cow<'static, str>,
    /// What was done about it.
    pub severity: Severity,
    /// Line of the file on which the row starts, from 1; 0 for a finding about the whole file.
    pub line: u64,
    /// Character on that line, from 1, where it is known and on the first line of the row.
    pub column: Option<u64>,
    /// JSON path within the row, where it is known.
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub fix: Cow<'static, str>,
}
