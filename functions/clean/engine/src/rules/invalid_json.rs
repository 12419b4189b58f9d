//! The row is not valid JSON.

use super::{lone_surrogate, too_deep};
use crate::{
    json::{SyntaxError, SyntaxErrorKind},
    rule::{Check, Fault, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "invalid_json",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row is not valid JSON",
    fix: "write one JSON object per line, with a JSON library",
    check: Check::Read,
};

/// The fault that `error` is: of this rule, or of one of the two that have a name of their own.
pub(crate) fn fault(error: SyntaxError) -> Fault {
    let rule = match error.kind {
        SyntaxErrorKind::Grammar => &RULE,
        SyntaxErrorKind::LoneSurrogate => &lone_surrogate::RULE,
        SyntaxErrorKind::TooDeep => &too_deep::RULE,
    };
    Fault::new(rule).at(error.at).with_message(error.message)
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn json_that_only_lenient_parsers_accept_is_rejected() {
        check(r#"{"input":"a","output":"one two three"}"#, &[]);
        check(
            r#"{"input":"a","output":"one two three",}"#,
            &["invalid_json"],
        );
        check(
            r#"{"input":"a","output":"one two three","score":NaN}"#,
            &["invalid_json"],
        );
        check(r#"{"input":"a","output":"one two"#, &["invalid_json"]);
        check("input and output", &["invalid_json"]);
    }
}
