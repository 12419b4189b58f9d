//! The row matches more than one format.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "ambiguous_format",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row matches more than one format",
    fix: "keep the keys of one format only",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_row_that_matches_two_formats_is_rejected() {
        check(
            r#"{"input":"a","output":"b c d","question":"a","answer":"b"}"#,
            &["ambiguous_format"],
        );
        check(r#"{"instruction":"a","input":"b","output":"c d e"}"#, &[]);
    }
}
