//! The text of a model turn: extracted the same way from a reference in a dataset and from a fresh answer, so that the two can
//! be compared.

use serde_json::{Value, json};

/// The text of a turn (`Content` in Google's API), from its `parts`.
///
/// Text parts are joined without a separator, as Google's clients join them. Thoughts (`"thought": true`) are not part of the
/// answer. The text of a turn that calls functions is its calls, as JSON with sorted keys: one call
/// `{"args":{…},"name":"…"}`, several as an array of those, so that the metric `json` can compare them field by field.
/// `function_call`, the second spelling in proto-JSON, is read like `functionCall`.
pub fn text(turn: &Value) -> String {
    let parts = turn.get("parts").and_then(Value::as_array);
    let parts = parts.map_or(&[][..], Vec::as_slice);
    let mut calls: Vec<Value> = parts.iter().filter_map(call).collect();
    match calls.len() {
        0 => parts
            .iter()
            .filter(|part| part.get("thought") != Some(&Value::Bool(true)))
            .filter_map(|part| part.get("text")?.as_str())
            .collect(),
        1 => calls.remove(0).to_string(),
        _ => Value::from(calls).to_string(),
    }
}

fn call(part: &Value) -> Option<Value> {
    let call = part
        .get("functionCall")
        .or_else(|| part.get("function_call"))?;
    // A call without arguments may have `{}` or no `args` at all; both mean the same.
    let args = call.get("args").cloned().unwrap_or_else(|| json!({}));
    Some(json!({ "name": call.get("name"), "args": args }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &Value, expected: &str) {
        assert_eq!(text(&json!({ "parts": parts })), expected, "{parts}");
    }

    #[test]
    fn text_is_joined_and_thoughts_are_left_out() {
        check(&json!([{ "text": "one " }, { "text": "two" }]), "one two");
        check(
            &json!([{ "text": "hm", "thought": true }, { "text": "two" }]),
            "two",
        );
        check(&json!([{ "fileData": { "fileUri": "gs://b/o" } }]), "");
        check(&json!([]), "");
        check(&json!(null), "");
        check(&json!("text"), "");
        assert_eq!(text(&json!({})), "");
    }

    #[test]
    fn calls_are_json_with_sorted_keys() {
        check(
            &json!([{ "functionCall": { "name": "buy", "args": { "b": 1, "a": 2 } } }]),
            r#"{"args":{"a":2,"b":1},"name":"buy"}"#,
        );
        check(
            &json!([{ "function_call": { "name": "list" } }]),
            r#"{"args":{},"name":"list"}"#,
        );
        check(
            &json!([{ "text": "calling" }, { "functionCall": { "name": "a" } }, { "functionCall": { "name": "b" } }]),
            r#"[{"args":{},"name":"a"},{"args":{},"name":"b"}]"#,
        );
    }
}
