//! An answer is marked as not to be learnt, and Gemini's tuning has no such mark.

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
    doc: "an answer has weight 0, which Gemini's tuning does not know: it will be learnt all the same",
    fix: "take the answer out, or cut the conversation before it",
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
    fn a_weight_of_nothing_is_told() {
        check(&row("0"), &["message_weight"]);
        check(&row("0.0"), &["message_weight"]);
        check(&row("1"), &[]);
        check(&row("null"), &[]);
    }
}
