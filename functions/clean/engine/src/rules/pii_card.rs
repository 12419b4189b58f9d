//! The row contains a payment card number.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Found by the card networks' prefixes and lengths, and a valid checksum.
pub(crate) static RULE: Rule = Rule {
    code: "pii_card",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a payment card number",
    fix: "remove it; `repair` in the recipe replaces it with `[CARD]`",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn a_card_number_is_reported_rejected_or_masked() {
        check_rule("pii_card", "card 4111 1111 1111 1111", "card [CARD]");
    }
}
