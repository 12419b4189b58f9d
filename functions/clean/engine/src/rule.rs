//! The type of a rule, what it can examine (one row, or totals of the whole file), and its fault.
//!
//! They are in one file since each is made of the others. The rules themselves, and their list, are
//! in [`rules`](mod@crate::rules).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    byte_classes::ByteClasses, example::Example, finding::Finding, location::Location,
    row_span::RowSpan, severity::Severity, task::Task,
};

/// One kind of fault that a dataset can have.
#[derive(Debug)]
pub struct Rule {
    /// The name in reports, settings and metrics; never changes once published.
    pub code: &'static str,
    /// Raised whenever the rule finds, rejects or repairs different rows than before.
    pub version: u16,
    /// The action taken, unless a recipe sets another; for a rule of a scan, only if a recipe asks for
    /// that scan.
    pub severity: Severity,
    /// Whether a recipe cannot change the severity: without the rejection there would be no usable row,
    /// or the service would fail the job.
    pub binding: bool,
    /// What is wrong, in one line: lower case, without a full stop.
    pub doc: &'static str,
    /// What to do about it, in one line: lower case, without a full stop.
    pub fix: &'static str,
    pub(crate) check: Check,
}

/// A search, which turns several rules on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    /// Personal data: the rules `pii_…`.
    Pii,
    /// Keys and tokens: the rules `secret_…`.
    Secrets,
    /// The language of each answer.
    Language,
    /// Rows that are nearly identical to an earlier one.
    NearDuplicates,
}

impl Scan {
    /// Whether it is on without being asked for.
    pub fn is_always_on(self) -> bool {
        self == Self::Secrets
    }

    /// The name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secrets => "secrets",
            Self::Language => "language",
            Self::NearDuplicates => "near_duplicates",
        }
    }
}

/// When a rule is checked.
#[derive(Debug)]
pub(crate) enum Check {
    /// While the row is parsed.
    Read,
    /// On the converted row.
    Row(RowCheck),
    /// On the converted row, if its texts contain any of these byte classes. Few rows do, so the check
    /// may be slow.
    Text(ByteClasses, RowCheck),
    /// On the converted row, if it has parts other than texts: files, calls of functions.
    Parts(RowCheck),
    /// When rows are compared with each other.
    Rows,
    /// On totals of the whole file, at the end; returns the message of the finding.
    File(fn(&FileSummary) -> Option<String>),
    /// In a scan, if a recipe asks for it.
    Scan(Scan),
}

/// Checks a converted row.
pub(crate) type RowCheck = fn(&Row<'_, '_>) -> Option<Fault>;

impl Rule {
    /// The scan that the rule belongs to.
    pub fn scan(&self) -> Option<Scan> {
        match self.check {
            Check::Scan(scan) => Some(scan),
            Check::Read
            | Check::Row(_)
            | Check::Text(..)
            | Check::Parts(_)
            | Check::Rows
            | Check::File(_) => None,
        }
    }

    /// Whether the rule is about the whole file. It is checked at the end, when rows can no longer be
    /// left out.
    pub(crate) fn is_about_the_file(&self) -> bool {
        matches!(self.check, Check::File(_))
    }

    /// Whether the rule can change a row: values found by a scan of texts can be masked.
    pub(crate) fn repairs(&self) -> bool {
        self.severity == Severity::Repair || matches!(self.scan(), Some(Scan::Pii | Scan::Secrets))
    }
}

/// A row as rules see it.
pub(crate) struct Row<'r, 'a> {
    /// The converted row.
    pub(crate) example: &'r Example<'a>,
    /// Estimated tokens of the whole row.
    pub(crate) tokens: u32,
    /// The byte classes in its texts.
    pub(crate) byte_classes: ByteClasses,
}

/// Totals of a whole file.
#[derive(Debug, Default)]
pub(crate) struct FileSummary {
    /// Kept rows.
    pub(crate) kept: u64,
    /// Kept rows with a system instruction.
    pub(crate) systems: u64,
    /// Distinct rows: kept, or rejected only because they are short.
    pub(crate) distinct: u64,
    /// Distinct rows with a short answer.
    pub(crate) short: u64,
    /// Distinct short answers, counted up to a limit.
    pub(crate) labels: u64,
    /// The task that the rows train.
    pub(crate) task: Task,
    /// Rows that were not compared with each other for near-duplicates.
    pub(crate) not_compared: u64,
    /// Rows for training that are nearly the same as rows for evaluation.
    pub(crate) near_leaks: u64,
    /// The number of formats of the rows.
    pub(crate) formats: usize,
    /// Rows of the training file.
    pub(crate) train_rows: u64,
    /// Size of the training file.
    pub(crate) train_bytes: u64,
    /// Rows of the validation file.
    pub(crate) validation_rows: u64,
    /// Rows that the recipe asks for in the validation file.
    pub(crate) validation_expected: u64,
    /// Columns that carry meaning and are not read, and how many rows have them.
    pub(crate) unread: Vec<(String, u64)>,
}

/// A fault of a row, before it is known where in the file the row is.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The rule that found it.
    pub(crate) rule: &'static Rule,
    /// Byte offset in the row.
    pub(crate) at: Option<u32>,
    /// JSON path in the row.
    pub(crate) path: Option<String>,
    /// What is wrong, where the rule's own words do not say it all.
    pub(crate) message: String,
}

impl Fault {
    /// A fault that the rule's own words describe.
    pub(crate) fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            at: None,
            path: None,
            message: String::new(),
        }
    }

    /// Sets the message.
    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    /// Sets the byte offset in the row.
    pub(crate) fn at(self, at: u32) -> Self {
        Self {
            at: Some(at),
            ..self
        }
    }

    /// Sets byte offset and path, where the location is known.
    pub(crate) fn within(self, location: Option<Location>) -> Self {
        match location {
            Some(location) => self.at(location.at).path(location),
            None => self,
        }
    }

    /// Sets the JSON path in the row.
    pub(crate) fn path(self, path: Location) -> Self {
        Self {
            path: Some(path.to_string()),
            ..self
        }
    }

    /// The finding of this fault, given the position and the bytes of its row.
    pub(crate) fn into_finding(self, severity: Severity, span: RowSpan, bytes: &[u8]) -> Finding {
        // A row in an array can span many lines. A column is shown on the first of them only; for
        // the others there is the path.
        let position = self.at.map(|at| span.position(bytes, at));
        let column = position.filter(|(line, _)| *line == span.position.line);
        Finding {
            code: Cow::Borrowed(self.rule.code),
            severity,
            line: span.position.line,
            row: span.position.row,
            place: String::new(),
            column: column.map(|(_, column)| column),
            path: self.path,
            message: if self.message.is_empty() {
                self.rule.doc.to_owned()
            } else {
                self.message
            },
            fix: Cow::Borrowed(self.rule.fix),
        }
    }
}
