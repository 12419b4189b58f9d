//! The row is not JSON.

use super::{Check, Rule};
use crate::Severity;

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "invalid_json",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row is not JSON",
    fix: "write one JSON object per line, with a JSON library",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn what_a_lenient_reader_would_take_is_refused() {
        check(r#"{"input":"a","output":"one two three"}"#, &[]);
        check(
            r#"{"input":"a","output":"one two three",}"#,
            &["invalid_json"],
        );
        check(
            r#"{"input":"a","output":"one two three","score":NaN}"#,
            &["invalid_json"],
        );
        check(r#"{"input":"a","output":"one two"#, &["invalid_json"]);
        check("input and output", &["invalid_json"]);
    }
}
