//! The row contains a national ID number.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Numbers of Argentina, Brazil, China, France, Italy, Mexico, Russia, South Korea, Spain and Thailand are
/// found by their check digits; those of Australia, Canada, Germany, India, Iran, Japan, the Netherlands,
/// Poland, South Africa and Turkey by these beside their name; those of Egypt, Great Britain, Indonesia,
/// Pakistan and the United States by their shape, most beside their name.
pub(crate) static RULE: Rule = Rule {
    code: "pii_national_id",
    version: 2,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a national ID number",
    fix: "remove it; `repair` in the recipe replaces it with `[NATIONAL_ID]`",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn a_national_id_is_reported_rejected_or_masked() {
        check_rule(
            "pii_national_id",
            "the SSN is 536-22-8726",
            "the SSN is [NATIONAL_ID]",
        );
    }
}
