//! The row contains a cloud credential.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Keys of AWS, Google Cloud and Azure.
pub(crate) static RULE: Rule = Rule {
    code: "secret_cloud_key",
    version: 2,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a cloud credential",
    fix: "revoke the key, then remove it; `repair` in the recipe replaces it with `[CLOUD_KEY]`",
    check: Check::Scan(Scan::Secrets),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn a_cloud_key_is_reported_rejected_or_masked() {
        check_rule(
            "secret_cloud_key",
            "use AKIAA1B2C3D4E5F6G7H8 for it",
            "use [CLOUD_KEY] for it",
        );
    }
}
