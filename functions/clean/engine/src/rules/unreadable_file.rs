//! The file contains no readable rows. The report names only the type that the file appears to be.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unreadable_file",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the file contains no readable rows",
    fix: "export it as JSONL, or as CSV or Parquet with columns such as `input` and `output`",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{
        report::ReportVerdict,
        rules::tests::{report_on, report_on_bytes},
    };

    #[test]
    fn the_report_says_what_the_file_looks_like() {
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08\0\0"[..], "looks like gzip"),
            (b"PK\x03\x04\x14\0", "looks like a zip archive"),
            (
                b"One, two\nthree\n",
                "no row is JSON; the file looks like comma-separated values",
            ),
        ] {
            let report = report_on_bytes(bytes);
            assert_eq!(report.verdict, ReportVerdict::Unusable);
            let finding = report
                .findings
                .iter()
                .find(|f| f.code == "unreadable_file")
                .unwrap();
            assert!(finding.message.contains(expected), "{}", finding.message);
        }
    }

    #[test]
    fn one_row_of_json_makes_a_file_readable() {
        let report = report_on("nonsense\n{\"input\":\"a\",\"output\":\"one two three\"}");
        assert_eq!(report.codes.get("unreadable_file"), None);
    }
}
