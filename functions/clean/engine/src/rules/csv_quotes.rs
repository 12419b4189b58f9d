//! The quotes around a cell are not closed correctly.
//!
//! Lenient readers guess here, each differently, and the model would learn the guess.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "csv_quotes",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the quotes around a cell are not closed correctly",
    fix: "double every quote inside a quoted cell, as CSV libraries do",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_quoted_cell_ends_with_its_quote() {
        check("input,output\na,\"one \"\"two\"\" three\"\n", &[]);
        check("input,output\na,one \"two\" three\n", &[]);
        check("input,output\na,\"one \"two\" three\"\n", &["csv_quotes"]);
        check("input,output\na,\"one two three\n", &["csv_quotes"]);
    }
}
