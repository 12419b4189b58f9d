//! What a rule is, what it sees of one row or of the whole file, and the fault it reports.
//!
//! The rules themselves, and their list, are in [`rules`](crate::rules).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    byte_classes::ByteClasses, example::Example, finding::Finding, location::Location,
    row_span::RowSpan, severity::Severity, task::Task,
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
    pub(crate) validation_expected: u64,
}

/// A finding about a row that does not know yet where in the file the row is.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The rule that is broken.
    pub(crate) rule: &'static Rule,
    /// Byte offset within the row.
    pub(crate) at: Option<u32>,
    /// JSON path within the row.
    pub(crate) path: Option<String>,
    /// What is wrong, beyond the rule's own words.
    pub(crate) message: String,
}

impl Fault {
    /// A fault whose rule says it all.
    pub(crate) fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            at: None,
            path: None,
            message: String::new(),
        }
    }

    /// Says more than the rule does.
    pub(crate) fn saying(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    /// Says at which byte of the row.
    pub(crate) fn at(self, at: u32) -> Self {
        Self {
            at: Some(at),
            ..self
        }
    }

    /// Says within which member or element of the row, where that is known.
    pub(crate) fn within(self, location: Option<Location>) -> Self {
        match location {
            Some(location) => self.at(location.at).path(location),
            None => self,
        }
    }

    /// Says at which JSON path of the row.
    pub(crate) fn path(self, path: Location) -> Self {
        Self {
            path: Some(path.to_string()),
            ..self
        }
    }

    /// The finding that this fault is, given where its row is and what its bytes are.
    pub(crate) fn into_finding(self, severity: Severity, span: RowSpan, bytes: &[u8]) -> Finding {
        // A row of an array can span many lines. The column is about the first of them; beyond that
        // the path shows the way.
        let position = self.at.map(|at| span.position(bytes, at));
        let column = position.filter(|(line, _)| *line == span.line);
        Finding {
            code: Cow::Borrowed(self.rule.code),
            severity,
            line: span.line,
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
