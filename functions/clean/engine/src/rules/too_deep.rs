//! The row nests deeper than 64 brackets.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "too_deep",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row nests deeper than 64 brackets",
    fix: "flatten the row, or write the inner part as a text",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_million_brackets_are_refused() {
        check(&"{\"a\":[".repeat(1_000_000), &["too_deep"]);
        let nested = format!("{}{}", "[".repeat(63), "]".repeat(63));
        check(
            &format!(r#"{{"input":"a","output":"one two three","x":{nested}}}"#),
            &[],
        );
    }
}
