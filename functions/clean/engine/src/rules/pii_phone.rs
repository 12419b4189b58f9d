//! A telephone number is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Numbers written with `+` or `00` and a country code, those of North America, Britain and France in
/// their groups, and those whose area stands in brackets; a number without any of it is like any other.
pub(crate) static RULE: Rule = Rule {
    code: "pii_phone",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a telephone number is in the row",
    fix: "take out what belongs to somebody; `repair` in the recipe puts `[PHONE]` in its place",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule("pii_phone", "call (415) 555-2671 now", "call [PHONE] now");
    }
}
