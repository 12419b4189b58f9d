//! The row is JSON but not an object.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "not_an_object",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row is JSON but not an object",
    fix: "write each row as an object with named fields",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_row_must_be_an_object() {
        check("7", &["not_an_object"]);
        check("\"a\"", &["not_an_object"]);
        check("null", &["not_an_object"]);
    }
}
