//! A content block is converted to a part of Gemini's, or left out.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "content_block",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "a content block is converted, or left out because it is not part of the answer",
    fix: "nothing to do, unless the model is to learn what is left out",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::{check, report_on};

    #[test]
    fn every_kind_of_block_is_named() {
        let row = |block: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{block},{{"type":"text","text":"one two three"}}]}}]}}"#
            )
        };
        for name in ["reasoning", "thinking", "redacted_thinking"] {
            let row = row(&format!(r#"{{"type":"{name}","{name}":"let me see"}}"#));
            check(&row, &["content_block"]);
            let findings = report_on(&row).findings;
            let message = format!("`{name}` is left out: it is not part of the answer");
            assert!(findings.iter().any(|finding| finding.message == message));
        }
    }

    #[test]
    fn reasoning_beside_an_answer_is_left_out() {
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","reasoning_content":"let me see","content":"one two three"}]}"#,
            &["content_block"],
        );
    }
}
