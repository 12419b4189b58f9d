//! `ShareGPT` rows: `{"conversations": [{"from": …, "value": …}, …]}`, with function calls as in
//! LLaMA-Factory.

use super::chat;
use crate::{format::Format, keys::Keys};

/// The format.
pub(super) static FORMAT: Format = Format {
    name: "sharegpt",
    keys: Keys::CONVERSATIONS,
    without: Keys::NONE,
    reads: &["system", "tools", "functions", "toolConfig"],
    convert: |row, faults| chat::convert(row, "conversations", faults),
};

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
            "unknown_role: expected one of the roles system, developer, user, human, assistant, gpt, model, function_call, tool, function, observation $.conversations[0]",
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
