//! A function is called that the row does not declare.

use super::unpaired_call::names;
use crate::{
    json::Value,
    rule::{Check, Fault, Row, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "undeclared_function",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "a function is called that the row does not declare",
    fix: "declare the function in `tools`: a model learns to call what it was not offered",
    check: Check::Parts(check),
};

fn check(row: &Row<'_, '_>) -> Option<Fault> {
    let mut declared: Option<Vec<&Value<'_>>> = None;
    for turn in &row.example.turns {
        for name in names(turn, "functionCall") {
            let declared = declared.get_or_insert_with(|| declarations(row));
            let is_it = |function: &&Value<'_>| {
                let text = function.member("name").and_then(Value::text);
                text.is_some_and(|text| text.plain() == name)
            };
            if declared.iter().any(is_it) {
                continue;
            }
            let fault = Fault::new(&RULE).at(turn.location.at).path(turn.location);
            return Some(if declared.is_empty() {
                fault.with_message("a function is called, and the row declares none")
            } else {
                fault
            });
        }
    }
    None
}

/// The functions that a row declares.
fn declarations<'r>(row: &Row<'r, '_>) -> Vec<&'r Value<'r>> {
    let tools = row.example.extras.iter().filter(|(key, _)| *key == "tools");
    let tools = tools.flat_map(|(_, tools)| tools.elements());
    let declared = tools.filter_map(|tool| tool.value.member("functionDeclarations"));
    let functions = declared.flat_map(Value::elements);
    functions.map(|node| &node.value).collect()
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::check;

    #[test]
    fn a_call_needs_its_declaration() {
        let row = |tools: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"1","function":{{"name":"f","arguments":"{{}}"}}}}]}}]{tools}}}"#
            )
        };
        check(&row(r#","tools":[{"name":"f"}]"#), &[]);
        check(
            &row(r#","tools":[{"function_declarations":[{"name":"f"}]}]"#),
            &[],
        );
        check(&row(r#","tools":[{"name":"g"}]"#), &["undeclared_function"]);
        check(&row(""), &["undeclared_function"]);
    }
}
