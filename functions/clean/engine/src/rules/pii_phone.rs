//! The row contains a telephone number.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Found are numbers with `+` or `00` and a country code, numbers of North America, Britain and
/// France in their usual grouping, and numbers with the area code in brackets. A number without any
/// of these looks like an order number.
pub(crate) static RULE: Rule = Rule {
    code: "pii_phone",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the row contains a telephone number",
    fix: "remove personal numbers; `repair` in the recipe replaces them with `[PHONE]`",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn a_telephone_number_is_reported_rejected_or_masked() {
        check_rule("pii_phone", "call (415) 555-2671 now", "call [PHONE] now");
    }
}
