//! The address of a machine in public is in the row.

use crate::{
    rule::{Check, Rule, Scan},
    severity::Severity,
};

/// The rule.
///
/// Private, reserved and documented addresses are nobody's. One of small numbers only is told where it
/// is named so: it is rather a version.
pub(crate) static RULE: Rule = Rule {
    code: "pii_ip",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the address of a machine in public is in the row",
    fix: "take it out; `repair` in the recipe puts `[IP]` in its place",
    check: Check::Scan(Scan::Pii),
};

#[cfg(test)]
mod tests {
    use crate::search::tests::check_rule;

    #[test]
    fn it_is_told_left_out_or_masked() {
        check_rule("pii_ip", "from 81.2.69.142 on", "from [IP] on");
    }
}
