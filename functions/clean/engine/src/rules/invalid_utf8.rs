//! The row is not valid UTF-8.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "invalid_utf8",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row is not valid UTF-8",
    fix: "save the file as UTF-8",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check_bytes;

    #[test]
    fn invalid_bytes_are_rejected_anywhere_in_the_row() {
        let row = |value: &[u8]| {
            [
                b"{\"input\":\"a\",\"output\":\"one two three\",\"id\":\"",
                value,
                b"\"}",
            ]
            .concat()
        };
        check_bytes(&row(b"caf\xc3\xa9"), &[]);
        check_bytes(&row(b"caf\xe9"), &["invalid_utf8"]);
        check_bytes(&row(b"\xc0\xaf"), &["invalid_utf8"]);
        check_bytes(&row(b"\xed\xa0\x80"), &["invalid_utf8"]);
    }
}
