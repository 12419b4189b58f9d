//! A private key is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Any block in PEM, within JSON as well.
pub(crate) static RULE: Rule = Rule {
    code: "secret_private_key",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a private key is in the row",
    fix: "revoke the key, then take it out; `repair` in the recipe puts `[PRIVATE_KEY]` in its place",
    check: Check::Scan(Scan::Secrets),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule(
            "secret_private_key",
            "it is -----BEGIN PRIVATE KEY-----a1B2-----END PRIVATE KEY-----",
            "it is [PRIVATE_KEY]",
        );
    }
}
