//! The answer seems truncated: a code block is not closed, or it ends within a sentence.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::{
    byte_classes::ByteClasses,
    example::{Part, Role},
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
///
/// A missing final full stop means nothing: lists, code and chats end without one. So only endings
/// at which no complete text stops are reported.
pub(crate) static RULE: Rule = Rule {
    code: "truncated_output",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the answer seems truncated: a code block is not closed, or it ends within a sentence",
    fix: "export complete answers; if a model wrote them, raise its output token limit",
    check: Check::Row(check),
};

/// Fewest bytes in an answer that can be called truncated: a label may be `and` or `(`.
const ANSWER_BYTES_MIN: usize = 24;

/// Words with which no complete text ends.
const NEVER_LAST: &[&str] = &[
    " the", " and", " an", " because", " whose", " und", " et", " el",
];

/// The marks around a code block.
static FENCE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("```"));

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let turns = row.example.turns.iter();
    let turn = turns.rev().find(|turn| turn.role == Role::Model)?;
    let Some(Part::Text(text)) = turn.parts.last() else {
        return None;
    };
    let may_have_code = row.byte_classes.has_any(ByteClasses::FENCE);
    let message = find(text.escaped(), may_have_code)?;
    Some(
        Fault::new(&RULE)
            .within(Some(turn.location))
            .with_message(message),
    )
}

/// How the answer is truncated, if it is; it may have code blocks.
fn find(escaped: &str, may_have_code: bool) -> Option<&'static str> {
    if escaped.len() < ANSWER_BYTES_MIN {
        return None;
    }
    if may_have_code && has_open_fence(escaped.as_bytes()) {
        return Some("the answer opens a code block and never closes it");
    }
    match escaped.as_bytes() {
        [.., b','] => Some("the answer ends with a comma"),
        [.., b'(' | b'['] => Some("the answer ends with an opening bracket"),
        [.., b'a'..=b'z', b'-'] => Some("the answer ends with a hyphen"),
        _ => {
            let cut = NEVER_LAST.iter().any(|word| escaped.ends_with(word));
            cut.then_some("the answer ends with a word that cannot end a sentence")
        }
    }
}

/// Whether there is an odd number of fences, each of three backticks or more.
fn has_open_fence(bytes: &[u8]) -> bool {
    let (mut open, mut rest) = (false, bytes);
    while let Some(at) = FENCE.find(rest) {
        open = !open;
        let fence = rest.get(at..).unwrap_or_default();
        let after = fence.iter().position(|byte| *byte != b'`');
        rest = fence
            .get(after.unwrap_or(fence.len())..)
            .unwrap_or_default();
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::check;

    #[test]
    fn truncated_answers_are_reported() {
        let row = |answer: &str| format!(r#"{{"input":"a","output":"{answer}"}}"#);
        check(
            &row(r"Here is how:\n```python\nprint(1)\n"),
            &["trim", "truncated_output"],
        );
        check(&row(r"Here is how:\n```python\nprint(1)\n```"), &[]);
        check(&row("It is sunny, warm and the"), &["truncated_output"]);
    }

    #[test]
    fn an_answer_may_end_without_a_full_stop() {
        for (end, expected) in [
            ("a list of things", false),
            ("as follows:", false),
            ("and so on...", false),
            ("and so on…", false),
            ("first, second,", true),
            ("see (", true),
            ("unfor-", true),
            ("1 -", false),
            ("```a```", false),
            ("````\\n```\\na\\n```\\n````", false),
            ("```\\na\\n```\\n```b", true),
        ] {
            let text = format!("An answer that is long enough: {end}");
            assert_eq!(find(&text, true).is_some(), expected, "{end}");
        }
        assert_eq!(find("and the", true), None);
    }
}
