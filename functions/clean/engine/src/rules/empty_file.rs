//! There is nothing in the file.

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
    doc: "there is nothing in the file",
    fix: "check the export, then upload again",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{report::Verdict, rules::tests::report_on};

    #[test]
    fn blanks_are_nothing() {
        for text in ["", "\n\n", "\u{feff}", "[]"] {
            let report = report_on(text);
            assert_eq!(report.verdict, Verdict::Unusable, "{text:?}");
            assert_eq!(report.codes.get("empty_file"), Some(&1), "{text:?}");
        }
    }
}
