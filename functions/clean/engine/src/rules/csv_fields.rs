//! The record has more or fewer cells than the header has columns.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "csv_fields",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the record has more or fewer cells than the header has columns",
    fix: "quote cells that contain the delimiter, as CSV libraries do",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn cells_are_counted() {
        check("input,output\na,one two three\n", &[]);
        check("input,output\na,\"one, two, three\"\n", &[]);
        check("input,output\na,one, two, three\n", &["csv_fields"]);
        check("input,output\na\n", &["csv_fields"]);
    }
}
