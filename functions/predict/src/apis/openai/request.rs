//! A chat request as a question to Gemini.
//!
//! Every field is translated, known to change nothing here, or refused by name: a field that is dropped
//! silently would give another answer than the one asked for.

use serde_json::{Map, Value, json};

use super::content::{parts, text};

/// Fields that say nothing to the model.
const IGNORED: [&str; 10] = [
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "user",
];

/// Numbers, lists and flags of the generation settings, with Gemini's names.
const SETTINGS: [(&str, &str); 10] = [
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    ("max_completion_tokens", "maxOutputTokens"),
    ("max_tokens", "maxOutputTokens"),
    ("n", "candidateCount"),
    ("presence_penalty", "presencePenalty"),
    ("seed", "seed"),
    ("temperature", "temperature"),
    ("top_logprobs", "logprobs"),
    ("top_p", "topP"),
];

/// What is asked for.
#[derive(Debug)]
pub(super) struct ChatRequest {
    /// The model's name.
    pub(super) model: String,
    /// Whose question it is: `safety_identifier`, or `user`, its former name.
    pub(super) caller: Option<String>,
    /// The `GenerateContentRequest`.
    pub(super) question: Value,
    /// Whether the answer is wanted as it is written.
    pub(super) is_stream: bool,
    /// Whether the last chunk of a stream has the token counts.
    pub(super) with_usage: bool,
}

impl ChatRequest {
    /// Reads the body.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body cannot be read as JSON: {error}"))?;
        let fields = body.as_object().ok_or("the body must be a JSON object")?;
        let model = fields.get("model").and_then(Value::as_str);
        let model = model.ok_or("`model` must be the name of a model")?;
        let named = ["safety_identifier", "user"].iter();
        let mut named = named.filter_map(|name| fields.get(*name)?.as_str());
        let flag = |pointer| body.pointer(pointer) == Some(&Value::Bool(true));
        Ok(Self {
            model: model.strip_prefix("models/").unwrap_or(model).to_owned(),
            caller: named.next().map(str::to_owned),
            question: question(fields)?,
            is_stream: flag("/stream"),
            with_usage: flag("/stream_options/include_usage"),
        })
    }
}

fn question(fields: &Map<String, Value>) -> Result<Value, String> {
    let mut question = Map::new();
    let mut settings = Map::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let simple = SETTINGS.iter().find(|(theirs, _)| theirs == name);
        match name.as_str() {
            "model" => {}
            "messages" => conversation(value, &mut question)?,
            "tools" => {
                question.insert("tools".to_owned(), tools(value)?);
            }
            "tool_choice" => {
                question.insert("toolConfig".to_owned(), tool_choice(value)?);
            }
            "response_format" => settings.extend(response_format(value)?),
            "stop" => {
                let stops = if value.is_array() {
                    value.clone()
                } else {
                    json!([value])
                };
                settings.insert("stopSequences".to_owned(), stops);
            }
            "reasoning_effort" => {
                settings.insert("thinkingConfig".to_owned(), thinking(value)?);
            }
            _ if IGNORED.contains(&name.as_str()) => {}
            _ => match simple {
                Some((_, ours)) => {
                    settings.insert((*ours).to_owned(), value.clone());
                }
                None => return Err(format!("the parameter `{name}` is not supported")),
            },
        }
    }
    if !question.contains_key("contents") {
        return Err(
            "`messages` must have at least one message that is not the system's".to_owned(),
        );
    }
    if !settings.is_empty() {
        question.insert("generationConfig".to_owned(), settings.into());
    }
    Ok(question.into())
}

/// The messages as `systemInstruction` and `contents`.
fn conversation(messages: &Value, question: &mut Map<String, Value>) -> Result<(), String> {
    let messages = messages.as_array().ok_or("`messages` must be a list")?;
    let mut system = Vec::new();
    let mut contents: Vec<Value> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages[{index}]");
        let content = message.get("content").unwrap_or(&Value::Null);
        let content_at = format!("{at}.content");
        match message.get("role").and_then(Value::as_str) {
            Some("system" | "developer") => {
                system.push(json!({ "text": text(content, &content_at)? }));
            }
            Some("user") => {
                contents.push(json!({ "role": "user", "parts": parts(content, &content_at)? }));
            }
            Some("assistant") => {
                let mut said = parts(content, &content_at)?;
                said.extend(calls(message, &at)?);
                contents.push(json!({ "role": "model", "parts": said }));
            }
            Some("tool") => {
                let answer = tool_answer(message, messages, &at)?;
                // Gemini wants the answers to all calls of one turn in one turn.
                match contents.last_mut().and_then(answers) {
                    Some(answers) => answers.push(answer),
                    None => contents.push(json!({ "role": "user", "parts": [answer] })),
                }
            }
            role => {
                let found = role.unwrap_or("missing");
                return Err(format!(
                    "`{at}.role` is {found}; known are system, developer, user, assistant and tool"
                ));
            }
        }
    }
    if !system.is_empty() {
        question.insert("systemInstruction".to_owned(), json!({ "parts": system }));
    }
    if !contents.is_empty() {
        question.insert("contents".to_owned(), contents.into());
    }
    Ok(())
}

/// The parts of a turn that answers calls.
fn answers(turn: &mut Value) -> Option<&mut Vec<Value>> {
    let parts = turn.get_mut("parts")?.as_array_mut()?;
    let is_answer = |part: &Value| part.get("functionResponse").is_some();
    (!parts.is_empty() && parts.iter().all(is_answer)).then_some(parts)
}

/// The function calls of an assistant's message.
fn calls(message: &Value, at: &str) -> Result<Vec<Value>, String> {
    let calls = message.get("tool_calls").and_then(Value::as_array);
    let calls = calls.into_iter().flatten().enumerate();
    calls
        .map(|(index, call)| {
            let at = format!("{at}.tool_calls[{index}].function");
            let name = call.pointer("/function/name").and_then(Value::as_str);
            let name = name.ok_or_else(|| format!("`{at}.name` must be a text"))?;
            let written = call.pointer("/function/arguments").and_then(Value::as_str);
            let written = written
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .unwrap_or("{}");
            let args: Value = serde_json::from_str(written)
                .map_err(|error| format!("`{at}.arguments` must be JSON: {error}"))?;
            let mut part = json!({ "functionCall": { "name": name, "args": args } });
            // Without its signature a Gemini 3 model refuses its own earlier call.
            let signature = call.pointer("/extra_content/google/thought_signature");
            if let (Some(signature), Some(part)) = (signature, part.as_object_mut()) {
                part.insert("thoughtSignature".to_owned(), signature.clone());
            }
            Ok(part)
        })
        .collect()
}

/// A tool's message as the answer to the call that its id names.
fn tool_answer(message: &Value, messages: &[Value], at: &str) -> Result<Value, String> {
    let id = message.get("tool_call_id").and_then(Value::as_str);
    let id = id.ok_or_else(|| format!("`{at}.tool_call_id` must be a text"))?;
    let mut calls = messages
        .iter()
        .filter_map(|message| message.get("tool_calls")?.as_array())
        .flatten();
    let call = calls.find(|call| call.get("id").and_then(Value::as_str) == Some(id));
    let name = call.and_then(|call| call.pointer("/function/name")?.as_str());
    let name = name.ok_or_else(|| format!("`{at}.tool_call_id` names no earlier call: `{id}`"))?;
    let content = message.get("content").unwrap_or(&Value::Null);
    let said = text(content, &format!("{at}.content"))?;
    let response = match serde_json::from_str::<Value>(&said) {
        Ok(object @ Value::Object(_)) => object,
        Ok(other) => json!({ "output": other }),
        Err(_) => json!({ "output": said }),
    };
    Ok(json!({ "functionResponse": { "name": name, "response": response } }))
}

fn tools(tools: &Value) -> Result<Value, String> {
    let tools = tools.as_array().ok_or("`tools` must be a list")?;
    let declarations = tools.iter().enumerate().map(|(index, tool)| {
        let at = format!("tools[{index}]");
        let function = tool.get("function").and_then(Value::as_object);
        let function = function.ok_or_else(|| format!("`{at}` must be a function"))?;
        let name = function.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| format!("`{at}.function.name` must be a text"))?;
        let mut declaration = json!({ "name": name });
        for (theirs, ours) in [
            ("description", "description"),
            ("parameters", "parametersJsonSchema"),
        ] {
            if let (Some(value), Some(fields)) = (function.get(theirs), declaration.as_object_mut())
            {
                fields.insert(ours.to_owned(), value.clone());
            }
        }
        Ok::<_, String>(declaration)
    });
    let declarations = declarations.collect::<Result<Vec<_>, _>>()?;
    Ok(json!([{ "functionDeclarations": declarations }]))
}

fn tool_choice(choice: &Value) -> Result<Value, String> {
    let named = choice.pointer("/function/name");
    let config = match (choice.as_str(), named) {
        (Some("auto"), _) => json!({ "mode": "AUTO" }),
        (Some("none"), _) => json!({ "mode": "NONE" }),
        (Some("required"), _) => json!({ "mode": "ANY" }),
        (_, Some(name)) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
        (Some(_) | None, None) => {
            return Err("`tool_choice` must be auto, none, required or a function".to_owned());
        }
    };
    Ok(json!({ "functionCallingConfig": config }))
}

fn response_format(format: &Value) -> Result<Map<String, Value>, String> {
    let mut settings = Map::new();
    let json = ("responseMimeType".to_owned(), json!("application/json"));
    match format.get("type").and_then(Value::as_str) {
        Some("text") => {}
        Some("json_object") => settings.extend([json]),
        Some("json_schema") => {
            let schema = format.pointer("/json_schema/schema");
            let schema = schema.ok_or("`response_format.json_schema.schema` is missing")?;
            settings.extend([json, ("responseJsonSchema".to_owned(), schema.clone())]);
        }
        Some(_) | None => {
            return Err(
                "`response_format.type` must be text, json_object or json_schema".to_owned(),
            );
        }
    }
    Ok(settings)
}

fn thinking(effort: &Value) -> Result<Value, String> {
    let level = match effort.as_str() {
        Some("none" | "minimal") => "MINIMAL",
        Some("low") => "LOW",
        Some("medium") => "MEDIUM",
        Some("high" | "xhigh") => "HIGH",
        Some(_) | None => {
            return Err("`reasoning_effort` must be minimal, low, medium or high".to_owned());
        }
    };
    Ok(json!({ "thinkingLevel": level }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &Value) -> Result<ChatRequest, String> {
        ChatRequest::read(body.to_string().as_bytes())
    }

    #[test]
    fn a_conversation_with_tools_is_translated() {
        let chat = read(&json!({
            "model": "support",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Weather in Rome and Oslo?" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "1", "type": "function",
                      "function": { "name": "weather", "arguments": "{\"city\": \"Rome\"}" },
                      "extra_content": { "google": { "thought_signature": "sig" } } },
                    { "id": "2", "type": "function",
                      "function": { "name": "weather", "arguments": "{\"city\": \"Oslo\"}" } },
                ] },
                { "role": "tool", "tool_call_id": "1", "content": "{\"c\": 30}" },
                { "role": "tool", "tool_call_id": "2", "content": "cold" },
            ],
            "tools": [{ "type": "function", "function": {
                "name": "weather", "description": "d", "parameters": { "type": "object" },
            } }],
            "tool_choice": { "type": "function", "function": { "name": "weather" } },
            "max_tokens": 5, "stop": "END", "temperature": 0, "user": "u", "top_p": null,
            "response_format": { "type": "json_schema", "json_schema": { "schema": { "type": "object" } } },
        }))
        .unwrap();
        assert_eq!((chat.model.as_str(), chat.is_stream), ("support", false));
        let call =
            |city: &str| json!({ "functionCall": { "name": "weather", "args": { "city": city } } });
        let mut signed = call("Rome");
        signed["thoughtSignature"] = json!("sig");
        let answer = |response: Value| json!({ "functionResponse": { "name": "weather", "response": response } });
        assert_eq!(
            chat.question,
            json!({
                "systemInstruction": { "parts": [{ "text": "Be brief." }] },
                "contents": [
                    { "role": "user", "parts": [{ "text": "Weather in Rome and Oslo?" }] },
                    { "role": "model", "parts": [signed, call("Oslo")] },
                    { "role": "user", "parts": [answer(json!({ "c": 30 })), answer(json!({ "output": "cold" }))] },
                ],
                "tools": [{ "functionDeclarations": [{
                    "name": "weather", "description": "d", "parametersJsonSchema": { "type": "object" },
                }] }],
                "toolConfig": { "functionCallingConfig": {
                    "mode": "ANY", "allowedFunctionNames": ["weather"],
                } },
                "generationConfig": {
                    "maxOutputTokens": 5, "stopSequences": ["END"], "temperature": 0,
                    "responseMimeType": "application/json",
                    "responseJsonSchema": { "type": "object" },
                },
            })
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let with = |more: Value| {
            let mut body =
                json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            read(&body).unwrap_err()
        };
        for (more, words) in [
            (
                json!({ "logit_bias": { "1": 2 } }),
                "`logit_bias` is not supported",
            ),
            (json!({ "model": 7 }), "`model` must be the name"),
            (json!({ "messages": "Hi" }), "`messages` must be a list"),
            (
                json!({ "messages": [{ "role": "system", "content": "x" }] }),
                "at least one message",
            ),
            (
                json!({ "messages": [{ "role": "narrator" }] }),
                "`messages[0].role` is narrator",
            ),
            (
                json!({ "messages": [{ "role": "tool", "tool_call_id": "9", "content": "x" }] }),
                "names no earlier call: `9`",
            ),
            (json!({ "tool_choice": "perhaps" }), "`tool_choice` must be"),
            (
                json!({ "response_format": { "type": "xml" } }),
                "`response_format.type`",
            ),
        ] {
            let error = with(more.clone());
            assert!(error.contains(words), "{more}: {error}");
        }
    }
}
