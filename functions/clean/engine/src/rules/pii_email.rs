//! An e-mail address is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Domains that are reserved for examples are nobody's.
pub(crate) static RULE: Rule = Rule {
    code: "pii_email",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "an e-mail address is in the row",
    fix: "take out what belongs to somebody; `repair` in the recipe puts `[EMAIL]` in its place",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule("pii_email", "write to anna@acme.io", "write to [EMAIL]");
    }
}
