//! The row is longer than 8 MiB.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "line_too_long",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row is longer than 8 MiB",
    fix: "split the row, or remove it: the service accepts 131,072 tokens per example",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::{row_span::LINE_MAX_BYTES, rules::tests::check};

    #[test]
    fn a_row_beyond_the_limit_is_skipped() {
        let row = |length: usize| {
            let frame = r#"{"input":"","output":"one two three"}"#;
            let filler = "x ".repeat((length - frame.len()) / 2);
            format!(r#"{{"input":"{filler}","output":"one two three"}}"#)
        };
        check(&row(LINE_MAX_BYTES + 4), &["line_too_long"]);
        check(&row(LINE_MAX_BYTES - 4), &["too_many_tokens", "trim"]);
    }
}
