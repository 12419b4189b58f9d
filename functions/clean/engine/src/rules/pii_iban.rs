//! The number of a bank account is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// The length of its country, and a right checksum.
pub(crate) static RULE: Rule = Rule {
    code: "pii_iban",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the number of a bank account is in the row",
    fix: "take it out; `repair` in the recipe puts `[IBAN]` in its place",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule("pii_iban", "to DE89 3704 0044 0532 0130 00", "to [IBAN]");
    }
}
