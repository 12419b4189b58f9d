//! The row says nearly the same as an earlier one.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Never drops a row: automatic pruning takes too much. But rows that say nearly the same go to
/// the same part, so that no model is examined on what it has nearly learnt by heart.
pub(crate) static RULE: Rule = Rule {
    code: "near_duplicate",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the row says nearly the same as an earlier one",
    fix: "look at both: keep the better one, or let them differ in more than a few words",
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
            (3, "the row says nearly the same as line 1")
        );
        assert_eq!(report.rows.kept, 3);
        assert!(!report_on(&text).codes.contains_key("near_duplicate"));
    }
}
