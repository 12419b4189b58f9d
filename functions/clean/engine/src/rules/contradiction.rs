//! The same question has a different answer elsewhere in the file.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "contradiction",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the same question has a different answer elsewhere in the file",
    fix: "keep one of the answers; a model tuned on both learns neither reliably",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{
        rules::tests::{report_by, report_on},
        settings::Settings,
    };

    const TEXT: &str = "{\"input\":\"a\",\"output\":\"one two three\"}\n\
                        {\"input\":\"b\",\"output\":\"one two three\"}\n\
                        {\"input\":\"a\",\"output\":\"four five six\"}\n";

    #[test]
    fn both_lines_are_named() {
        let report = report_on(TEXT);
        let finding = report
            .findings
            .iter()
            .find(|f| f.code == "contradiction")
            .unwrap();
        assert_eq!(
            (finding.line, finding.message.as_str()),
            (3, "the same question has a different answer on line 1")
        );
        assert_eq!(report.rows.kept, 3);
    }

    #[test]
    fn a_recipe_can_reject_every_side_of_a_contradiction() {
        let settings: Settings =
            toml::from_str("severities = { contradiction = 'reject' }").unwrap();
        let report = report_by(TEXT, &settings);
        assert_eq!((report.rows.kept, report.rows.rejected), (1, 2));
        assert_eq!(report.codes.get("contradiction"), Some(&2));
    }
}
