//! A key to a cloud is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// AWS, Google Cloud and Azure.
pub(crate) static RULE: Rule = Rule {
    code: "secret_cloud_key",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a key to a cloud is in the row",
    fix: "revoke the key, then take it out; `repair` in the recipe puts `[CLOUD_KEY]` in its place",
    check: Check::Scan(Scan::Secrets),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule(
            "secret_cloud_key",
            "use AKIAA1B2C3D4E5F6G7H8 for it",
            "use [CLOUD_KEY] for it",
        );
    }
}
