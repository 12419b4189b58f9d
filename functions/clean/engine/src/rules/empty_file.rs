//! The file is empty.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "empty_file",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the file is empty",
    fix: "check the export, then upload again",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{report::ReportVerdict, rules::tests::report_on};

    #[test]
    fn a_file_of_whitespace_is_empty() {
        for text in ["", "\n\n", "\u{feff}", "[]"] {
            let report = report_on(text);
            assert_eq!(report.verdict, ReportVerdict::Unusable, "{text:?}");
            assert_eq!(report.codes.get("empty_file"), Some(&1), "{text:?}");
        }
    }
}
