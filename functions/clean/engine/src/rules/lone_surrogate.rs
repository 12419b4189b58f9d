//! Half of a UTF-16 pair stands alone and is no character.

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
    doc: "half of a UTF-16 pair stands alone and is no character",
    fix: "write the character whole, or leave it out: text was cut within an emoji",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn half_a_character_is_refused() {
        check(r#"{"input":"\ud83d\ude00","output":"one two three"}"#, &[]);
        check(
            r#"{"input":"\ud83d","output":"one two three"}"#,
            &["lone_surrogate"],
        );
    }
}
