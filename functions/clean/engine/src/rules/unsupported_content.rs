//! A turn contains something other than text, function calls and files in Cloud Storage.

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
    doc: "a turn contains something other than text, function calls and files in Cloud Storage",
    fix: "describe images in words, or put them in a bucket and write `contents` with `fileData`",
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
