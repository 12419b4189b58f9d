//! The conversation has no model turn, so there is nothing to train on.

use crate::{
    example::Role,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "no_model_turn",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "the conversation has no model turn, so there is nothing to train on",
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
    use crate::rules::tests::{check, report_on};

    #[test]
    fn a_conversation_needs_a_model_turn() {
        check(r#"{"messages":[]}"#, &["no_model_turn"]);
        check(
            r#"{"messages":[{"role":"user","content":"a"}]}"#,
            &["no_model_turn"],
        );
    }

    #[test]
    fn an_unanswered_row_among_others_is_rejected() {
        let row = r#"{"input":"a","output":"one two three"}"#;
        let report = report_on(&format!("{row}\n{{\"messages\":[]}}\n"));
        assert_eq!(report.codes["no_model_turn"], 1);
        assert_eq!((report.rows.kept, report.rows.rejected), (1, 1));
    }
}
