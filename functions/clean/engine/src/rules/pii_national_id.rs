//! A number by which a state knows a person is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// The United States' by its shape, or by its name; Spain's, France's, Brazil's and Poland's by their checksums.
pub(crate) static RULE: Rule = Rule {
    code: "pii_national_id",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a number by which a state knows a person is in the row",
    fix: "take it out; `repair` in the recipe puts `[NATIONAL_ID]` in its place",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule(
            "pii_national_id",
            "the SSN is 536-22-8726",
            "the SSN is [NATIONAL_ID]",
        );
    }
}
