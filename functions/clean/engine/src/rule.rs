//! The type of a rule, and what a rule can examine: one row, or totals of the whole file.
//!
//! The rules themselves, and their list, are in [`rules`](crate::rules).

use serde::{Deserialize, Serialize};

use crate::{
    byte_classes::ByteClasses, example::Example, fault::Fault, severity::Severity, task::Task,
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

/// An optional search, which turns several rules on.
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
    /// While the row is read.
    Read,
    /// On the converted row.
    Row(RowCheck),
    /// On the converted row, if its texts contain any of these byte classes. Few rows do, so the check
    /// may be slow.
    Text(ByteClasses, RowCheck),
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
            Check::Read | Check::Row(_) | Check::Text(..) | Check::Rows | Check::File(_) => None,
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
    /// Rows kept.
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
    /// The number of formats of the rows.
    pub(crate) formats: usize,
    /// Rows of the training file.
    pub(crate) train_rows: u64,
    /// Bytes of the training file.
    pub(crate) train_bytes: u64,
    /// Rows of the validation file.
    pub(crate) validation_rows: u64,
    /// Rows that the recipe asks for in the validation file.
    pub(crate) validation_asked: u64,
}
