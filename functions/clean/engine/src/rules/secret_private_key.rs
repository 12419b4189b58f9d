//! The row contains a private key.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Any PEM block, also within JSON.
pub(crate) static RULE: Rule = Rule {
    code: "secret_private_key",
    version: 2,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a private key",
    fix: "revoke the key, then remove it; `repair` in the recipe replaces it with `[PRIVATE_KEY]`",
    check: Check::Scan(Scan::Secrets),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn a_private_key_is_reported_rejected_or_masked() {
        check_rule(
            "secret_private_key",
            "it is -----BEGIN PRIVATE KEY-----a1B2-----END PRIVATE KEY-----",
            "it is [PRIVATE_KEY]",
        );
    }
}
