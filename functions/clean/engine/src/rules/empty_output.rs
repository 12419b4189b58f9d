//! An answer is empty.

use crate::{
    example::Role,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "empty_output",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "an answer is empty",
    fix: "write the answer, or remove the row",
    check: Check::Row(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let mut turns = row.example.turns.iter();
    let turn = turns.find(|turn| turn.role == Role::Model && turn.is_empty())?;
    Some(Fault::new(&RULE).at(turn.location.at).path(turn.location))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn an_answer_of_whitespace_is_empty() {
        check(r#"{"input":"a","output":""}"#, &["empty_output"]);
        check(r#"{"input":"a","output":null}"#, &["empty_output"]);
        check(
            r#"{"input":"a","output":"\u3000\t"}"#,
            &["empty_output", "trim"],
        );
    }
}
