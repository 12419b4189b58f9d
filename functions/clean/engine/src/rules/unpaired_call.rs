//! The calls of functions and their answers do not match.
//!
//! The service answers requests with 400 if a turn does not have as many responses as the turn
//! before it has calls.

use crate::{
    example::{Part, Role, Turn},
    json::Value,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "unpaired_call",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "the calls of functions and their answers do not match",
    fix: "write one answer for each call, in the turn after it, with the id or the name of the call",
    check: Check::Parts(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let turns = &row.example.turns;
    let mut calls: Vec<String> = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        let fault = |message: String| {
            let fault = Fault::new(&RULE).at(turn.location.at).path(turn.location);
            Some(fault.with_message(message))
        };
        let answers = names(turn, "functionResponse");
        if turn.role == Role::User && (!answers.is_empty() || !calls.is_empty()) {
            if calls.is_empty() {
                return fault(
                    "a function answers that was not called in the turn before".to_owned(),
                );
            }
            if answers.len() != calls.len() {
                return fault(format!(
                    "the turn before has {} calls, and this one {} answers",
                    calls.len(),
                    answers.len()
                ));
            }
            let (mut called, mut answered) = (calls, answers);
            called.sort_unstable();
            answered.sort_unstable();
            if called != answered {
                return fault(
                    "a function answers that was not called in the turn before".to_owned(),
                );
            }
            calls = Vec::new();
            continue;
        }
        if turn.role == Role::Model && !calls.is_empty() && index > 0 {
            return fault("calls of functions are not answered before the next turn".to_owned());
        }
        calls = names(turn, "functionCall");
    }
    None
}

/// The names of the functions in the parts of this `kind`.
pub(crate) fn names(turn: &Turn<'_>, kind: &str) -> Vec<String> {
    let name = |part: &Part<'_>| match part {
        Part::Other(key, object) if *key == kind => {
            let inner = object.get(kind)?.value.member("name");
            let name = inner.and_then(Value::text);
            Some(
                name.map(|name| name.plain().into_owned())
                    .unwrap_or_default(),
            )
        }
        Part::Other(..) | Part::Text(_) => None,
    };
    turn.parts.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    const TOOLS: &str = r#""tools":[{"name":"f"},{"name":"g"}]"#;

    fn row(calls: &str, answers: &str) -> String {
        format!(
            r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":null,"tool_calls":[{calls}]}},{answers}{{"role":"assistant","content":"one two three"}}],{TOOLS}}}"#
        )
    }

    const F: &str = r#"{"id":"1","function":{"name":"f","arguments":"{}"}}"#;
    const G: &str = r#"{"id":"2","function":{"name":"g","arguments":"{}"}}"#;

    #[test]
    fn every_call_has_one_answer() {
        let answer =
            |id: &str| format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"7"}},"#);
        let both = format!("{F},{G}");
        check(&row(F, &answer("1")), &[]);
        check(&row(&both, &(answer("2") + &answer("1"))), &[]);
        let unpaired = &["unpaired_call"];
        check(&row(&both, &answer("1")), unpaired);
        check(&row(F, &answer("9")), unpaired);
        check(&row(F, &(answer("1") + &answer("1"))), unpaired);
        check(
            &format!(
                r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"b"}},{{"role":"tool","content":"7"}},{{"role":"assistant","content":"one two three"}}],{TOOLS}}}"#
            ),
            unpaired,
        );
    }

    #[test]
    fn rows_of_geminis_own_format_are_held_to_the_same() {
        let row = |answered: &str| {
            format!(
                r#"{{"contents":[{{"role":"user","parts":[{{"text":"a"}}]}},{{"role":"model","parts":[{{"functionCall":{{"name":"f","args":{{}}}}}}]}},{{"role":"user","parts":[{answered}]}},{{"role":"model","parts":[{{"text":"one two three"}}]}}],"tools":[{{"functionDeclarations":[{{"name":"f"}}]}}]}}"#
            )
        };
        let answer =
            |name: &str| format!(r#"{{"functionResponse":{{"name":"{name}","response":{{}}}}}}"#);
        check(&row(&answer("f")), &[]);
        for answered in [
            answer("g"),
            format!("{0},{0}", answer("f")),
            r#"{"text":"b"}"#.to_owned(),
        ] {
            check(&row(&answered), &["unpaired_call"]);
        }
    }
}
