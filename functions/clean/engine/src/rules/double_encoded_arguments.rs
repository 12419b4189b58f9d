//! The arguments of a function call were JSON-encoded twice.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "double_encoded_arguments",
    version: 1,
    severity: Severity::Repair,
    binding: false,
    doc: "the arguments of a function call were JSON-encoded twice",
    fix: "encode `arguments` once",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn arguments_encoded_twice_are_decoded_twice() {
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","function_call":{"name":"f","arguments":"\"{}\""}}],"tools":[{"name":"f"}]}"#,
            &["double_encoded_arguments"],
        );
    }
}
