//! The array of rows is never closed: the file was cut off.

use super::{Check, Rule};
use crate::Severity;

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "truncated_file",
    severity: Severity::Warn,
    binding: false,
    doc: "the array of rows is never closed: the file was cut off",
    fix: "export or upload the file again",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::report_on;

    #[test]
    fn an_array_without_an_end_is_told() {
        let report = report_on("[{\"input\":\"a\",\"output\":\"one two three\"},\n");
        assert_eq!(report.codes.get("truncated_file"), Some(&1));
        assert_eq!(report.rows.kept, 1);
    }
}
