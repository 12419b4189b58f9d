//! A member is of another kind than its format says.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "wrong_type",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "a member is of another kind than its format says",
    fix: "write questions and answers as texts; a structured answer as JSON within a text",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn an_answer_must_be_a_text() {
        check(r#"{"input":"a","output":{"b":1}}"#, &["wrong_type"]);
        check(r#"{"input":7,"output":"one two three"}"#, &["wrong_type"]);
    }
}
