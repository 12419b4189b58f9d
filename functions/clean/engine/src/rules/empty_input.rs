//! A question is empty.

use crate::{
    example::Role,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "empty_input",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "a question is empty",
    fix: "write the question, or remove the row",
    check: Check::Row(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let mut turns = row.example.turns.iter();
    let turn = turns.find(|turn| turn.role == Role::User && turn.is_empty())?;
    Some(Fault::new(&RULE).at(turn.location.at).path(turn.location))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_question_of_whitespace_is_empty() {
        check(r#"{"input":"","output":"one two three"}"#, &["empty_input"]);
        check(
            r#"{"input":null,"output":"one two three"}"#,
            &["empty_input"],
        );
        check(
            r#"{"input":" \n","output":"one two three"}"#,
            &["empty_input", "trim"],
        );
        check(
            r#"{"contents":[{"role":"user","parts":[]},{"role":"model","parts":[{"text":"one two three"}]}]}"#,
            &["empty_input"],
        );
    }
}
