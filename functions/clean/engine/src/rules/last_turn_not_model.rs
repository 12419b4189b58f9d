//! The last turn is not a `model` turn.

use crate::{
    example::Role,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "last_turn_not_model",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the last turn is not a `model` turn",
    fix: "end the row with the model's answer, or remove the trailing turns",
    check: Check::Row(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let last = row.example.turns.last()?;
    let answered = row
        .example
        .turns
        .iter()
        .any(|turn| turn.role == Role::Model);
    (answered && last.role != Role::Model)
        .then(|| Fault::new(&RULE).at(last.location.at).path(last.location))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_trailing_question_is_rejected() {
        check(
            r#"{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"},{"from":"human","value":"c"}]}"#,
            &["last_turn_not_model"],
        );
    }
}
