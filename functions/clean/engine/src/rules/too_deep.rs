//! Nesting exceeds 64 levels.

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
    doc: "nesting exceeds 64 levels",
    fix: "flatten the row, or write the inner part as a string",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_million_brackets_are_rejected() {
        check(&"{\"a\":[".repeat(1_000_000), &["too_deep"]);
        let nested = format!("{}{}", "[".repeat(63), "]".repeat(63));
        check(
            &format!(r#"{{"input":"a","output":"one two three","x":{nested}}}"#),
            &[],
        );
    }
}
