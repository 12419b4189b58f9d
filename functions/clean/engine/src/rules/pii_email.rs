//! The row contains an e-mail address.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Addresses at domains that are reserved for examples do not count.
pub(crate) static RULE: Rule = Rule {
    code: "pii_email",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains an e-mail address",
    fix: "remove personal addresses; `repair` in the recipe replaces them with `[EMAIL]`",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn an_address_is_reported_rejected_or_masked() {
        check_rule("pii_email", "write to anna@acme.io", "write to [EMAIL]");
    }
}
