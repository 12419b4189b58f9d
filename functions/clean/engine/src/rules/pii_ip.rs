//! The row contains a public IP address.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Private, reserved and documentation addresses do not count. An address of small numbers only is
/// probably a version number, and is reported only after a word such as `IP` or `host`.
pub(crate) static RULE: Rule = Rule {
    code: "pii_ip",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a public IP address",
    fix: "remove it; `repair` in the recipe replaces it with `[IP]`",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn an_address_is_reported_rejected_or_masked() {
        check_rule("pii_ip", "from 81.2.69.142 on", "from [IP] on");
    }
}
