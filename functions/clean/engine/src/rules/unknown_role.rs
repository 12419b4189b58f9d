//! A turn is spoken by somebody Gemini does not know.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unknown_role",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "a turn is spoken by somebody Gemini does not know",
    fix: "name the roles `user` and `assistant` (or `model`), and `system` for the instruction",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn every_speaker_must_be_known() {
        check(
            r#"{"messages":[{"role":"narrator","content":"a"}]}"#,
            &["unknown_role"],
        );
        check(
            r#"{"conversations":[{"from":"narrator","value":"a"}]}"#,
            &["unknown_role"],
        );
    }
}
