//! What a rule is, and what it sees: of one row, or of the whole file.
//!
//! The rules themselves, and their list, are in [`rules`](crate::rules).

use serde::{Deserialize, Serialize};

use crate::{
    byte_classes::ByteClasses, example::Example, fault::Fault, severity::Severity, task::Task,
};

/// One thing that can be wrong.
#[derive(Debug)]
pub struct Rule {
    /// The name in reports, settings and metrics; never changes once published.
    pub code: &'static str,
    /// Raised whenever it comes to find, reject or repair other rows than before.
    pub version: u16,
    /// What is done about it, unless a recipe says otherwise; where the rule belongs to a scan,
    /// only once a recipe asks for that.
    pub severity: Severity,
    /// Whether a recipe must leave the severity as it is: there would be no row to keep, or the
    /// service would fail the job.
    pub binding: bool,
    /// What is wrong, in one line.
    pub doc: &'static str,
    /// What to do about it, in one line.
    pub fix: &'static str,
    pub(crate) check: Check,
}

/// A search that a recipe asks for: each turns a few rules on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    /// Personal data: the rules `pii_…`.
    Pii,
    /// Keys and tokens: the rules `secret_…`.
    Secrets,
    /// The language of each answer.
    Language,
    /// Rows that are nearly the same as an earlier one.
    NearDuplicates,
}

impl Scan {
    /// The word in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secrets => "secrets",
            Self::Language => "language",
            Self::NearDuplicates => "near_duplicates",
        }
    }
}

/// Where a rule is checked.
#[derive(Debug)]
pub(crate) enum Check {
    /// While the row is read.
    Read,
    /// On the row in Gemini's terms.
    Row(RowCheck),
    /// The same, where its texts hold any of these signs.
    Text(ByteClasses, RowCheck),
    /// Where rows are compared with each other.
    Rows,
    /// On what is known of the whole file at the end; says what is wrong.
    File(fn(&FileSummary) -> Option<String>),
    /// In a scan, if a recipe asks for it.
    Scan(Scan),
}

/// What looks at a row.
pub(crate) type RowCheck = fn(&Row<'_, '_>) -> Option<Fault>;

impl Rule {
    /// The scan it belongs to.
    pub fn scan(&self) -> Option<Scan> {
        match self.check {
            Check::Scan(scan) => Some(scan),
            Check::Read | Check::Row(_) | Check::Text(..) | Check::Rows | Check::File(_) => None,
        }
    }

    /// Whether it looks at the whole file at the end, when no row can be left out any more.
    pub(crate) fn is_about_the_file(&self) -> bool {
        matches!(self.check, Check::File(_))
    }

    /// Whether it can change a row: what a scan of texts finds can be taken out.
    pub(crate) fn repairs(&self) -> bool {
        self.severity == Severity::Repair || matches!(self.scan(), Some(Scan::Pii | Scan::Secrets))
    }
}

/// What a rule sees of a row.
pub(crate) struct Row<'r, 'a> {
    /// The row in Gemini's terms.
    pub(crate) example: &'r Example<'a>,
    /// Estimated tokens of the whole row.
    pub(crate) tokens: u32,
    /// What kinds of bytes its texts hold.
    pub(crate) byte_classes: ByteClasses,
}

/// What is known of a whole file at the end.
#[derive(Debug, Default)]
pub(crate) struct FileSummary {
    /// Rows kept.
    pub(crate) kept: u64,
    /// Those among them that have a system instruction.
    pub(crate) systems: u64,
    /// Rows that say something of their own: kept, or rejected only for being short.
    pub(crate) distinct: u64,
    /// Those among them whose answer is short.
    pub(crate) short: u64,
    /// Different answers among the short ones, as far as they were counted.
    pub(crate) labels: u64,
    /// The task that the rows train.
    pub(crate) task: Task,
    /// Rows that are not among those in which near-duplicates are looked for.
    pub(crate) not_compared: u64,
    /// Formats the rows are written in.
    pub(crate) formats: usize,
    /// Rows to train on.
    pub(crate) train_rows: u64,
    /// Bytes of the training file.
    pub(crate) train_bytes: u64,
    /// Rows that validate.
    pub(crate) validation_rows: u64,
    /// How many that would be by the recipe.
    pub(crate) validation_asked: u64,
}
