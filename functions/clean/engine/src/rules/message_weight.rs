//! An answer before the last one must not be trained on, and Gemini tuning trains on every answer.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "message_weight",
    version: 2,
    severity: Severity::Reject,
    binding: false,
    doc: "an answer must not be trained on, and Gemini tuning trains on every answer of a row",
    fix: "end the conversation before it, or accept that it is trained on: `severities = { message_weight = \"warn\" }`",
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
