//! An answer has weight 0, which Gemini tuning does not support: the model learns it anyway.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "message_weight",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "an answer has weight 0, which Gemini tuning does not support: the model learns it anyway",
    fix: "remove the answer, or end the conversation before it",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    fn row(weight: &str) -> String {
        format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"one two three","weight":{weight}}},{{"role":"user","content":"b"}},{{"role":"assistant","content":"four five six","weight":1}}]}}"#
        )
    }

    #[test]
    fn a_weight_of_zero_is_reported() {
        check(&row("0"), &["message_weight"]);
        check(&row("0.0"), &["message_weight"]);
        check(&row("1"), &[]);
        check(&row("null"), &[]);
    }
}
