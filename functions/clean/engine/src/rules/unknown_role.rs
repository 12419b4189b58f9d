//! A turn has an unknown role.

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
    doc: "a turn has an unknown role",
    fix: "use the roles `user` and `assistant` (or `model`), and `system` for the instruction",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn every_role_must_be_known() {
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
