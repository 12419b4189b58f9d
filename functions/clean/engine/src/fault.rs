//! What is wrong with a row, before it is known where in the file the row is.

use std::borrow::Cow;

use crate::{
    finding::Finding, location::Location, row_span::RowSpan, rule::Rule, severity::Severity,
};

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
