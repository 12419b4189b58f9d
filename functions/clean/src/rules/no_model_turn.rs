//! Nobody answers: there is nothing to learn.

use super::{Check, Rule};
use crate::{Severity, example::Role, finding::Fault, row::Row};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "no_model_turn",
    severity: Severity::Reject,
    binding: true,
    doc: "nobody answers: there is nothing to learn",
    fix: "add the answer that the model should give",
    check: Check::Row(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let answers = |role| role == Role::Model;
    let answered = row.example.turns.iter().any(|turn| answers(turn.role));
    (!answered).then(|| Fault::new(&RULE))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn somebody_must_answer() {
        check(r#"{"messages":[]}"#, &["no_model_turn"]);
        check(
            r#"{"messages":[{"role":"user","content":"a"}]}"#,
            &["no_model_turn"],
        );
    }
}
