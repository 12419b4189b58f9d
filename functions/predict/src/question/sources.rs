//! What a request brings in besides its own words: tools, and files by their address.

use serde_json::{Map, Value};

use super::{camel, field};

/// The names of the tools that a request lets the model use, `functionDeclarations` for the caller's own.
pub fn tools(request: &Map<String, Value>) -> impl Iterator<Item = String> {
    let tools = match request.get("tools") {
        Some(Value::Array(tools)) => tools.as_slice(),
        Some(tool @ Value::Object(_)) => std::slice::from_ref(tool),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => &[],
    };
    let fields = tools.iter().filter_map(Value::as_object);
    fields.flat_map(|tool| tool.keys().map(|key| camel(key)))
}

/// The addresses of the files that a request names, empty where one has none.
pub fn named_files(request: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    for name in ["contents", "systemInstruction"] {
        if let Some(value) = field(request, name) {
            find_files(value, &mut found);
        }
    }
    found.into_iter()
}

/// Fields whose value is a `Struct`: the caller chose the keys inside, and `fileData` there is no file.
const CALLER_KEYED: [&str; 2] = ["args", "response"];

/// Recursion is bounded by the parser, which refuses more than 128 levels.
fn find_files<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => {
            for item in items {
                find_files(item, found);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = camel(key);
                if key == "fileData" {
                    let uri = value.as_object().and_then(|file| field(file, "fileUri"));
                    found.push(uri.and_then(Value::as_str).unwrap_or_default());
                } else if !CALLER_KEYED.contains(&key.as_str()) {
                    find_files(value, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_found_wherever_a_part_may_be() {
        let files = |contents: Value| {
            let request = json!({ "contents": contents });
            let found: Vec<String> = named_files(request.as_object().unwrap())
                .map(str::to_owned)
                .collect();
            found
        };
        let file = json!({ "fileData": { "fileUri": "gs://b/o" } });
        assert_eq!(files(json!([{ "parts": [file] }])), ["gs://b/o"]);
        assert_eq!(files(json!({ "parts": file })), ["gs://b/o"]);
        let snake = json!([{ "parts": [{ "file_data": { "file_uri": "gs://b/o" } }] }]);
        assert_eq!(files(snake), ["gs://b/o"]);
        let answer = json!({ "functionResponse": { "response": file, "parts": [file] } });
        assert_eq!(files(json!([{ "parts": [answer] }])), ["gs://b/o"]);
        let call = json!({ "functionCall": { "args": file } });
        assert!(files(json!([{ "parts": [call] }])).is_empty());
    }
}
