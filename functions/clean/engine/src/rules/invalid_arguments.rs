//! The arguments of a function call are not a JSON object.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "invalid_arguments",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the arguments of a function call are not a JSON object",
    fix: "write `arguments` as an object, or as a string that contains one as JSON",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn arguments_must_be_an_object() {
        check(
            r#"{"messages":[{"role":"assistant","function_call":{"name":"f","arguments":"nope"}}]}"#,
            &["invalid_arguments"],
        );
    }
}
