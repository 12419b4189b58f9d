//! The file was cut off: its rows or its compressed data end early.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "truncated_file",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the file was cut off: its rows or its compressed data end early",
    fix: "export or upload the file again",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{
        container::samples::gzip,
        rules::tests::{report_on, report_on_bytes},
    };

    #[test]
    fn an_unclosed_array_is_reported() {
        let report = report_on("[{\"input\":\"a\",\"output\":\"one two three\"},\n");
        assert_eq!(report.codes.get("truncated_file"), Some(&1));
        assert_eq!(report.rows.kept, 1);
    }

    #[test]
    fn a_truncated_compressed_file_is_reported() {
        let rows = "{\"input\":\"a\",\"output\":\"one two three\"}\n";
        let whole = gzip(rows.as_bytes());
        let report = report_on_bytes(&whole[..whole.len() - 1]);
        assert_eq!(report.codes.get("truncated_file"), Some(&1));
        assert_eq!(report.rows.kept, 1);
    }
}
