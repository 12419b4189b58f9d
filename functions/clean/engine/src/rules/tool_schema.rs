//! The parameters of a function use keywords that Gemini's schema does not have.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "tool_schema",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the parameters of a function use JSON Schema that Gemini's schema does not have",
    fix: "nothing to do; to be understood best, describe the parameters without these keywords",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::report_on;

    #[test]
    fn the_keyword_is_named() {
        let row = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"one two three"}],"tools":[{"name":"f","parameters":{"type":"object","patternProperties":{}}}]}"#;
        let report = report_on(row);
        let finding = report.findings.iter().find(|f| f.code == "tool_schema");
        assert!(finding.unwrap().message.contains("use `patternProperties`"));
        assert_eq!(report.rows.kept, 1);
    }
}
