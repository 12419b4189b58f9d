//! The row says which answer is preferred, and supervised tuning has no use for the other.

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
    doc: "the row says which of two answers is preferred: supervised tuning learns from one answer",
    fix: "export the preferred answer alone as `output`, or map it in the recipe, as `columns = { input = \"prompt\", output = \"chosen\" }`",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::{check, report_on};

    #[test]
    fn preferences_are_refused_and_counted_apart() {
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
