//! There is text after the array of rows; it was not read.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unread_text",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "there is text after the array of rows; it was not read",
    fix: "put all rows into one array, or write JSONL",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{report::ReportVerdict, rules::tests::report_on};

    #[test]
    fn a_second_array_is_reported() {
        let text = "{\"rows\":[{\"input\":\"a\",\"output\":\"one two three\"}],\"more\":[{}]}";
        let report = report_on(text);
        let finding = report.findings.iter().find(|f| f.code == "unread_text");
        assert_eq!(
            finding.unwrap().message,
            "the rows were read from `rows`; the text after it was not read"
        );
    }

    #[test]
    fn a_file_with_unread_text_is_never_clean() {
        let row = "{\"input\":\"a\",\"output\":\"one two three\"}";
        for after in ["x", "{\"a\":", "7", ",[]"] {
            let report = report_on(&format!("[{row}]\n{after}\n"));
            assert_eq!(report.codes.get("unread_text"), Some(&1), "{after}");
            assert_eq!(report.verdict, ReportVerdict::Findings);
        }
    }
}
