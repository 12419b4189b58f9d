//! `ShareGPT` rows: `{"conversations": [{"from": …, "value": …}, …]}`, with function calls as in
//! LLaMA-Factory.

use smallvec::smallvec;

use super::{
    dialogue::{self, Dialogue},
    messages::{check_weight, take_list, take_word, text_of, unknown_role},
    tools,
};
use crate::{
    example::{Example, Part, Parts, Role},
    format::{
        Format,
        fields::{take_text, wrong_type},
    },
    json::{Node, Object, Text, Value, parse},
    keys::Keys,
    location::Location,
    rule::Fault,
    rules,
};

/// The format.
pub(super) static FORMAT: Format = Format {
    name: "sharegpt",
    keys: Keys::CONVERSATIONS,
    without: Keys::NONE,
    convert,
};

fn convert<'a>(mut row: Object<'a>, repairs: &mut Vec<Fault>) -> Result<Example<'a>, Fault> {
    let mut dialogue = Dialogue::default();
    if let Some((text, location)) = take_text(&mut row, "system")? {
        dialogue.system(text, location)?;
    }
    for (location, mut message) in take_list(&mut row, "conversations")? {
        let named = if message.has("from") { "from" } else { "role" };
        let from = take_word(&mut message, named, location)?;
        let valued = if message.has("value") {
            "value"
        } else {
            "content"
        };
        let value = match message.take(valued) {
            Some(Node {
                value: Value::Null, ..
            }) => Text::default(),
            Some(Node {
                value: Value::Text(text),
                ..
            }) => text,
            Some(Node { value, .. }) => {
                return Err(wrong_type(&value, "a string as `value`", location));
            }
            None => {
                let fault = Fault::new(&rules::wrong_type::RULE)
                    .at(location.at)
                    .path(location);
                return Err(fault.with_message("`value` is missing"));
            }
        };
        match from.plain().as_ref() {
            "system" => dialogue.system(value, location)?,
            "human" | "user" => dialogue.say(Role::User, smallvec![Part::Text(value)], location),
            "gpt" | "assistant" | "model" | "chatgpt" | "bot" => {
                check_weight(&mut message, location, repairs);
                dialogue.say(Role::Model, smallvec![Part::Text(value)], location);
            }
            "function_call" => {
                let parts = calls(&value, location, &mut dialogue, repairs)?;
                dialogue.call(parts, location);
            }
            "observation" | "tool" | "function" => dialogue.respond(None, None, value, location),
            _ => {
                let known = "system, human, user, gpt, assistant, function_call, observation, tool";
                return Err(unknown_role(location, known));
            }
        }
    }
    Ok(dialogue.finish(tools::declarations(row.take("tools"), "tools")?))
}

/// The calls in a string that contains one as JSON, or an array of them.
fn calls<'a>(
    value: &Text<'_>,
    location: Location,
    dialogue: &mut Dialogue<'a>,
    repairs: &mut Vec<Fault>,
) -> Result<Parts<'a>, Fault> {
    let invalid = |found: &str| {
        Fault::new(&rules::invalid_arguments::RULE)
            .at(location.at)
            .path(location)
            .with_message(format!("expected a function call as JSON, found {found}"))
    };
    let value = value.plain();
    let Ok(parsed) = parse(&value) else {
        return Err(invalid("a string that is not JSON"));
    };
    let nodes = match parsed.node.value.into_owned() {
        Value::List(nodes) => nodes,
        one @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Object(_)) => vec![dialogue::node(one)],
    };
    let mut parts = Parts::with_capacity(nodes.len());
    for node in nodes {
        let Value::Object(mut call) = node.value else {
            return Err(invalid(node.value.kind()));
        };
        let name = call
            .take("name")
            .and_then(text_of)
            .ok_or_else(|| invalid("no `name`"))?;
        let given = call.take_any(&["arguments", "parameters", "args"]);
        let arguments = tools::arguments(given, location, repairs)?;
        dialogue.remember(None, name.clone());
        parts.push(dialogue::call(name, arguments));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use crate::formats::tests::{check, convert};

    #[test]
    fn roles_have_several_names() {
        let expected = convert(
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}"#,
        );
        check(
            r#"{"id":"x","system":"s","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"},{"from":"user","value":"c"},{"from":"assistant","value":"d"}]}"#,
            &expected,
        );
        check(
            r#"{"conversations":[{"from":"system","value":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"from":"human","value":"c"},{"from":"gpt","value":"d"}]}"#,
            &expected,
        );
        check(
            r#"{"conversations":[{"from":"alien","value":"a"}]}"#,
            "unknown_role: expected one of the roles system, human, user, gpt, assistant, function_call, observation, tool $.conversations[0]",
        );
        check(
            r#"{"conversations":[{"from":"human"}]}"#,
            "wrong_type: `value` is missing $.conversations[0]",
        );
    }

    #[test]
    fn calls_and_observations_become_function_parts() {
        check(
            r#"{"conversations":[{"from":"human","value":"a"},{"from":"function_call","value":"{\"name\": \"f\", \"arguments\": {\"x\": 1}}"},{"from":"observation","value":"{\"y\": 2}"},{"from":"gpt","value":"b"}],"tools":"[{\"name\": \"f\"}]"}"#,
            r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"x":1}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"y":2}}}]},{"role":"model","parts":[{"text":"b"}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}]}"#,
        );
        check(
            r#"{"conversations":[{"from":"function_call","value":"call f"}]}"#,
            "invalid_arguments: expected a function call as JSON, found a string that is not JSON $.conversations[0]",
        );
    }
}
