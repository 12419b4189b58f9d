//! The row says which of two answers is preferred; supervised tuning cannot use the other.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "preference_pair",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row says which of two answers is preferred; supervised tuning trains on one answer",
    fix: "export only the preferred answer as `output`, or map it in the recipe: `columns = { input = \"prompt\", output = \"chosen\" }`",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::{check, report_on};

    #[test]
    fn preferences_are_rejected_and_counted_separately() {
        check(
            r#"{"prompt":"a","chosen":"one two three","rejected":"four five six"}"#,
            &["preference_pair"],
        );
        let report = report_on(
            "{\"prompt\":\"a\",\"chosen\":\"one two three\",\"rejected\":\"four five six\"}\n\
             {\"prompt\":\"b\",\"completion\":\"one two three\"}\n",
        );
        assert_eq!(report.formats["preference"], 1);
        assert_eq!(report.formats["prompt_completion"], 1);
        assert_eq!(report.rows.kept, 1);
    }
}
