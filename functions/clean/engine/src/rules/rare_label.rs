//! A label occurs in one row only.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule. Its tests are those of `similar_labels`.
pub(crate) static RULE: Rule = Rule {
    code: "rare_label",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "no other row has its label",
    fix: "add rows with this label, or join it with another: one row cannot be both learned and examined",
    check: Check::Rows,
};
