//! Chat rows: `{"messages": [{"role": …, "content": …}, …]}`.

use super::chat;
use crate::{format::Format, keys::Keys};

/// The format.
pub(super) static FORMAT: Format = Format {
    name: "messages",
    keys: Keys::MESSAGES,
    without: Keys::NONE,
    reads: &["system", "tools", "functions", "toolConfig"],
    convert: |row, faults| chat::convert(row, "messages", faults),
};

#[cfg(test)]
mod tests {
    use crate::formats::tests::{check, convert};

    #[test]
    fn system_messages_at_the_start_are_the_instruction() {
        check(
            r#"{"messages":[{"role":"system","content":"s"},{"role":"developer","content":"t"},{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]}"#,
            r#"{"systemInstruction":{"role":"system","parts":[{"text":"s\n\nt"}]},"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]}]}"#,
        );
        check(
            r#"{"messages":[{"role":"user","content":"a"},{"role":"system","content":"s"}]}"#,
            "wrong_turn_order: expected system messages only at the start $.messages[1]",
        );
    }

    #[test]
    fn content_has_several_forms() {
        let row = |asked: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":{asked}}},{{"role":"assistant","content":"b"}}],"parallel_tool_calls":false}}"#
            )
        };
        let expected = convert(&row(r#""a""#));
        for asked in [
            r#"["a"]"#,
            r#"[{"type":"text","text":"a"}]"#,
            r#"[{"type":"text","text":"a","image_url":null}]"#,
            r#"[{"type":"text","value":"a"}]"#,
            r#"[{"type":"text","text":{"value":"a","annotations":[]}}]"#,
            r#"[{"type":"input_text","text":"a"}]"#,
            r#"[{"type":"output_text","text":"a","annotations":[]}]"#,
            r#"[{"text":"a"}]"#,
        ] {
            check(&row(asked), &expected);
        }
        check(&row(r#"[{"type":"refusal","refusal":"a"}]"#), &expected);
        check(
            &row(r#"[{"type":"poem","text":"a"}]"#),
            "unsupported_content: content blocks of the type `poem` are not read $.messages[0]",
        );
        check(
            &row("7"),
            "wrong_type: expected a string or an array of parts, found a number $.messages[0]",
        );
    }

    #[test]
    fn tool_calls_become_function_calls() {
        let called = r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"x":1.0}}}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"7"}}}]},{"role":"model","parts":[{"text":"b"}]}]}"#;
        let row = |arguments: &str| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":null,"tool_calls":[{{"id":"c1","type":"function","function":{{"name":"f","arguments":{arguments}}}}}]}},{{"role":"tool","tool_call_id":"c1","content":"7"}},{{"role":"assistant","content":"b"}}]}}"#
            )
        };
        check(&row(r#""{\"x\": 1.0}""#), called);
        check(&row(r#"{"x":1.0}"#), called);
        check(
            &row(r#""\"{\\\"x\\\": 1.0}\"""#),
            &format!("{called} double_encoded_arguments"),
        );
        check(
            &row(r#""[1]""#),
            "invalid_arguments: expected an object of arguments, found an array $.messages[1]",
        );
        check(
            &row(r#""{x""#),
            "invalid_arguments: expected an object of arguments, found a string that is not JSON $.messages[1]",
        );
    }

    #[test]
    fn answers_of_parallel_calls_are_one_turn() {
        let row = r#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}},{"id":"2","function":{"name":"g","arguments":""}}]},{"role":"tool","tool_call_id":"2","content":"{\"y\":2}"},{"role":"tool","tool_call_id":"1","content":"[1]"},{"role":"assistant","content":"b"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#;
        check(
            row,
            r#"{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}},{"functionCall":{"name":"g","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"g","response":{"y":2}}},{"functionResponse":{"name":"f","response":{"output":[1]}}}]},{"role":"model","parts":[{"text":"b"}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}]}"#,
        );
    }

    #[test]
    fn unsupported_messages_are_rejected() {
        check(
            r#"{"messages":[{"role":"boss","content":"a"}]}"#,
            "unknown_role: expected one of the roles system, developer, user, human, assistant, gpt, model, function_call, tool, function, observation $.messages[0]",
        );
        check(
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#,
            "unsupported_content: the file of a content block `image_url` is not there: expected a `gs://` or `https://` address with a known ending $.messages[0]",
        );
        check(
            r#"{"messages":"a"}"#,
            "wrong_type: expected an array, found a string $.messages",
        );
        check(
            r#"{"messages":["a"]}"#,
            "wrong_type: expected an object, found a string $.messages[0]",
        );
        check(
            r#"{"messages":[{"content":"a"}]}"#,
            "wrong_type: `role` is missing $.messages[0]",
        );
        assert!(convert(r#"{"messages":[]}"#).contains(r#""contents":[]"#));
    }
}
