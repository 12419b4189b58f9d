//! A field has the wrong type.

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
    doc: "a field has the wrong type",
    fix: "write questions as strings, and answers as strings, numbers, booleans or objects",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn questions_and_answers_must_be_strings() {
        check(r#"{"input":"a","output":["b"]}"#, &["wrong_type"]);
        check(r#"{"input":7,"output":"one two three"}"#, &["wrong_type"]);
    }
}
