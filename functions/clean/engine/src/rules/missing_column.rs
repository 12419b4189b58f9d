//! The row lacks a column that the recipe maps.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "missing_column",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row lacks a column that the recipe maps",
    fix: "correct `[clean.columns]` in the recipe, or add the column to the row",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{rules::tests::report_by, settings::Settings};

    #[test]
    fn the_missing_column_and_the_present_keys_are_named() {
        let settings: Settings =
            toml::from_str("columns = { input = 'question_text', output = 'gold' }").unwrap();
        let rows = "{\"question_text\":\"a\",\"gold\":\"one two three\"}\n\
                    {\"question_text\":\"b\",\"golden\":\"one two three\",\"output\":\"x\"}\n";
        let report = report_by(rows, &settings);
        assert_eq!((report.rows.kept, report.rows.rejected), (1, 1));
        assert_eq!(report.formats["input_output"], 1);
        let finding = report.findings.iter().find(|f| f.code == "missing_column");
        assert_eq!(
            finding.unwrap().message,
            "the row lacks `gold`; it has `question_text`, `golden`, `output`"
        );
    }
}
