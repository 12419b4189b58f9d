//! The row matches no known format.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unknown_format",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the row matches no known format",
    fix: "map its keys in the recipe (`columns`), or rename them: `input`/`output`, `prompt`/`completion`, `question`/`answer`, `text`/`label`, `instruction`/`output`, `messages`, `conversations`, `contents`",
    check: Check::Read,
};

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_row_needs_a_question_and_an_answer() {
        check(r#"{"input":"a"}"#, &["unknown_format"]);
        check(r#"{"text":"a"}"#, &["unknown_format"]);
        check("{}", &["unknown_format"]);
    }
}
