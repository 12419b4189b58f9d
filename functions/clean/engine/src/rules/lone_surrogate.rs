//! Unpaired UTF-16 surrogate.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "lone_surrogate",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "unpaired UTF-16 surrogate",
    fix: "write the whole character, or remove it: the text was probably cut inside an emoji",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn half_a_surrogate_pair_is_rejected() {
        check(r#"{"input":"\ud83d\ude00","output":"one two three"}"#, &[]);
        check(
            r#"{"input":"\ud83d","output":"one two three"}"#,
            &["lone_surrogate"],
        );
    }
}
