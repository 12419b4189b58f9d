//! Roles must alternate, starting with `user`.

use crate::{
    example::Role,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "wrong_turn_order",
    version: 1,
    severity: Severity::Reject,
    binding: true,
    doc: "roles must alternate, starting with `user`",
    fix: "start with `user`, and merge consecutive turns of the same role",
    check: Check::Row(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let mut expected = Role::User;
    for turn in &row.example.turns {
        if turn.role != expected {
            let message = format!(
                "expected a `{}` turn, found `{}`",
                expected.name(),
                turn.role.name()
            );
            return Some(
                Fault::new(&RULE)
                    .at(turn.location.at)
                    .path(turn.location)
                    .with_message(message),
            );
        }
        expected = match expected {
            Role::User => Role::Model,
            Role::Model => Role::User,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn roles_alternate() {
        let row = |from: &[&str]| {
            let turns: Vec<String> = from
                .iter()
                .map(|from| format!(r#"{{"from":"{from}","value":"one two three"}}"#))
                .collect();
            format!(r#"{{"conversations":[{}]}}"#, turns.join(","))
        };
        check(
            &row(&["human", "gpt", "human", "gpt"]),
            &["output_equals_input"],
        );
        check(&row(&["gpt"]), &["wrong_turn_order"]);
        check(
            &row(&["gpt", "human", "gpt"]),
            &["output_equals_input", "wrong_turn_order"],
        );
        check(
            &row(&["human", "human", "gpt"]),
            &["output_equals_input", "wrong_turn_order"],
        );
    }
}
