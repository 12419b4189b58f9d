//! A turn contains something other than text, function calls and files that the service can fetch.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unsupported_content",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "a turn contains something other than text, function calls and files that the service can fetch",
    fix: "write it as text, or refer to a file in Cloud Storage or at a public `https://` address",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn an_image_url_is_rejected() {
        check(
            r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
            &["unsupported_content"],
        );
    }
}
