//! The row contains a bank account number (IBAN).

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Found by the length that its country prescribes, and a valid checksum.
pub(crate) static RULE: Rule = Rule {
    code: "pii_iban",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a bank account number (IBAN)",
    fix: "remove it; `repair` in the recipe replaces it with `[IBAN]`",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn an_account_number_is_reported_rejected_or_masked() {
        check_rule("pii_iban", "to DE89 3704 0044 0532 0130 00", "to [IBAN]");
    }
}
