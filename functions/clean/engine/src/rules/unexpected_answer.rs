//! The answer is not what the recipe expects.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
///
/// Reported only where a recipe expects something: `labels`, `output_chars`, `language` or
/// `output_schema`.
pub(crate) static RULE: Rule = Rule {
    code: "unexpected_answer",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "the answer is not what the recipe expects",
    fix: "correct the answer, or the expectation in the recipe",
    check: Check::Read,
};
