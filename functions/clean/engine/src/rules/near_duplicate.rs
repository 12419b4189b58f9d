//! The row is nearly identical to an earlier row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Never drops a row: automatic pruning removes too many. But near-duplicates go to the same split,
/// so that no model is evaluated on rows it has almost memorised.
pub(crate) static RULE: Rule = Rule {
    code: "near_duplicate",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the row is nearly identical to an earlier row",
    fix: "compare the two: keep the better one, or make them differ in more than a few words",
    check: Check::Scan(Scan::NearDuplicates),
};

#[cfg(test)]
mod tests {
    use crate::{
        rule::Scan,
        rules::tests::{report_by, report_on},
        settings::Settings,
    };

    #[test]
    fn both_lines_are_named_and_both_rows_kept() {
        let words: Vec<String> = (0..60).map(|n| format!("word{n}")).collect();
        let row = |last: &str| {
            format!(
                "{{\"input\":\"{last}?\",\"output\":\"{} {last}\"}}\n",
                words.join(" ")
            )
        };
        let text =
            row("first") + "{\"input\":\"a\",\"output\":\"one two three\"}\n" + &row("other");
        let settings = Settings {
            scan: [Scan::NearDuplicates].into(),
            ..Settings::default()
        };
        let report = report_by(&text, &settings);
        let mut findings = report.findings.iter();
        let finding = findings.find(|f| f.code == "near_duplicate").unwrap();
        assert_eq!(
            (finding.line, finding.message.as_str()),
            (3, "near-duplicate of line 1")
        );
        assert_eq!(report.rows.kept, 3);
        assert!(!report_on(&text).codes.contains_key("near_duplicate"));
    }
}
