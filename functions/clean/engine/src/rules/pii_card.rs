//! The number of a payment card is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// The networks' prefixes and lengths, and a right checksum.
pub(crate) static RULE: Rule = Rule {
    code: "pii_card",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the number of a payment card is in the row",
    fix: "take it out; `repair` in the recipe puts `[CARD]` in its place",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule("pii_card", "card 4111 1111 1111 1111", "card [CARD]");
    }
}
