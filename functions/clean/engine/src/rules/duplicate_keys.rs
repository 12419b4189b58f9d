//! A key occurs twice in one object; the last value is used.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "duplicate_keys",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "a key occurs twice in one object; the last value is used",
    fix: "write every key once",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn the_last_of_two_counts() {
        check(
            r#"{"input":"a","input":"b","output":"one two three"}"#,
            &["duplicate_keys"],
        );
        check(
            r#"{"input":"a","input":7,"output":"one two three"}"#,
            &["duplicate_keys", "wrong_type"],
        );
    }
}
