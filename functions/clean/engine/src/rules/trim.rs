//! Leading or trailing whitespace was removed from a question or an answer.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "trim",
    version: 1,
    severity: Severity::Repair,
    binding: false,
    doc: "leading or trailing whitespace was removed from a question or an answer",
    fix: "nothing to do",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::{check, report_on};

    #[test]
    fn whitespace_is_trimmed_and_counted_but_not_listed() {
        let row = r#"{"input":" a\n","output":"one two three"}"#;
        check(row, &["trim"]);
        assert_eq!(
            report_on(row)
                .findings
                .iter()
                .filter(|f| f.code == "trim")
                .count(),
            0
        );
    }
}
