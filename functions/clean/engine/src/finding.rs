//! What a rule found, and where.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// One thing a rule found. Never holds text of a row, but for the names of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's stable name.
    pub code: Cow<'static, str>,
    /// What was done about it.
    pub severity: Severity,
    /// Line of the file on which the row starts, from 1; 0 where the finding is about the whole
    /// file.
    pub line: u64,
    /// Character within that line, from 1, where it is known and the row has not gone on to another.
    pub column: Option<u64>,
    /// JSON path within the row, where it is known.
    pub path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: Cow<'static, str>,
}
