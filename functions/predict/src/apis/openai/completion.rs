//! Gemini's answer as a chat completion.

use serde_json::{Map, Value, json};

/// The completion.
pub(super) fn of(answer: &Value, model: &str, created: i64) -> Value {
    let candidates = answer.get("candidates").and_then(Value::as_array);
    let mut ids = CallIds::of(answer);
    let mut choices: Vec<Value> = candidates
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, candidate)| choice(index, candidate, &mut ids))
        .collect();
    if choices.is_empty() {
        // A filter refused the prompt, and there is no candidate.
        choices.push(json!({
            "index": 0,
            "message": { "role": "assistant", "content": null, "refusal": "The prompt was blocked." },
            "logprobs": null,
            "finish_reason": "content_filter",
        }));
    }
    json!({
        "id": id(answer),
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": choices,
        "usage": usage(answer),
    })
}

/// The id of the answer, the same in all of its chunks.
pub(super) fn id(answer: &Value) -> String {
    let id = answer.get("responseId").and_then(Value::as_str);
    format!("chatcmpl-{}", id.unwrap_or_default())
}

fn choice(index: usize, candidate: &Value, ids: &mut CallIds) -> Value {
    let said = Said::of(candidate, ids);
    let reason = finish_reason(candidate, !said.calls.is_empty());
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    message.insert(
        "content".to_owned(),
        said.text.map_or(Value::Null, Value::String),
    );
    message.insert("refusal".to_owned(), Value::Null);
    if !said.calls.is_empty() {
        message.insert("tool_calls".to_owned(), said.calls.into());
    }
    json!({
        "index": index,
        "message": message,
        "logprobs": logprobs(candidate),
        "finish_reason": reason.unwrap_or("stop"),
    })
}

/// The ids of function calls, which Gemini's need not have: the client needs one to answer by, and two equal
/// calls need two.
#[derive(Debug)]
pub(super) struct CallIds {
    answer: String,
    next: usize,
}

impl CallIds {
    /// The ids of the calls in one answer.
    pub(super) fn of(answer: &Value) -> Self {
        let id = answer.get("responseId").and_then(Value::as_str);
        Self {
            answer: id.unwrap_or_default().to_owned(),
            next: 0,
        }
    }

    fn id(&mut self, call: &Value) -> String {
        self.next += 1;
        let given = call.get("id").and_then(Value::as_str);
        match given.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("call_{}_{}", self.answer, self.next),
        }
    }
}

/// What one candidate says.
pub(super) struct Said {
    /// Its text, without thoughts.
    pub(super) text: Option<String>,
    /// Its function calls.
    pub(super) calls: Vec<Value>,
}

impl Said {
    pub(super) fn of(candidate: &Value, ids: &mut CallIds) -> Self {
        let parts = candidate
            .pointer("/content/parts")
            .and_then(Value::as_array);
        let parts = parts.map_or(&[][..], Vec::as_slice);
        let texts: Vec<&str> = parts
            .iter()
            .filter(|part| part.get("thought") != Some(&Value::Bool(true)))
            .filter_map(|part| part.get("text")?.as_str())
            .collect();
        Self {
            text: (!texts.is_empty()).then(|| texts.concat()),
            calls: parts.iter().filter_map(|part| call(part, ids)).collect(),
        }
    }
}

fn call(part: &Value, ids: &mut CallIds) -> Option<Value> {
    let call = part.get("functionCall")?;
    let name = call.get("name")?.as_str()?;
    let args = call
        .get("args")
        .map_or_else(|| "{}".to_owned(), Value::to_string);
    let mut translated = json!({
        "id": ids.id(call), "type": "function", "function": { "name": name, "arguments": args },
    });
    if let (Some(signature), Some(fields)) =
        (part.get("thoughtSignature"), translated.as_object_mut())
    {
        let extra = json!({ "google": { "thought_signature": signature } });
        fields.insert("extra_content".to_owned(), extra);
    }
    Some(translated)
}

/// Why the answer ended; `None` while it has not.
pub(super) fn finish_reason(candidate: &Value, calls: bool) -> Option<&'static str> {
    let reason = candidate.get("finishReason")?.as_str()?;
    Some(match reason {
        "STOP" | "FINISH_REASON_UNSPECIFIED" | "OTHER" if calls => "tool_calls",
        "MAX_TOKENS" => "length",
        "STOP"
        | "FINISH_REASON_UNSPECIFIED"
        | "OTHER"
        | "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL" => "stop",
        _ => "content_filter",
    })
}

/// Token counts, where the answer has them. Thoughts are paid for like the answer.
pub(super) fn usage(answer: &Value) -> Value {
    let Some(counts) = answer.get("usageMetadata") else {
        return Value::Null;
    };
    let count = |name| counts.get(name).and_then(Value::as_u64).unwrap_or_default();
    let thoughts = count("thoughtsTokenCount");
    json!({
        "prompt_tokens": count("promptTokenCount"),
        "completion_tokens": count("candidatesTokenCount") + thoughts,
        "total_tokens": count("totalTokenCount"),
        "prompt_tokens_details": { "cached_tokens": count("cachedContentTokenCount") },
        "completion_tokens_details": { "reasoning_tokens": thoughts },
    })
}

/// Log-probabilities, where the model gives any.
pub(super) fn logprobs(candidate: &Value) -> Value {
    let chosen = candidate.pointer("/logprobsResult/chosenCandidates");
    let Some(chosen) = chosen.and_then(Value::as_array) else {
        return Value::Null;
    };
    let tops = candidate.pointer("/logprobsResult/topCandidates");
    let tops = tops
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let content: Vec<Value> = chosen
        .iter()
        .enumerate()
        .map(|(index, token)| {
            let top = tops
                .get(index)
                .and_then(|top| top.get("candidates")?.as_array());
            let top: Vec<Value> = top.into_iter().flatten().map(token_logprob).collect();
            let mut content = token_logprob(token);
            if let Some(fields) = content.as_object_mut() {
                fields.insert("top_logprobs".to_owned(), top.into());
            }
            content
        })
        .collect();
    json!({ "content": content, "refusal": null })
}

fn token_logprob(token: &Value) -> Value {
    let text = token
        .get("token")
        .and_then(Value::as_str)
        .unwrap_or_default();
    json!({
        "token": text, "logprob": token.get("logProbability"), "bytes": text.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_completion() {
        let answer = json!({
            "responseId": "r1",
            "candidates": [{
                "content": { "parts": [
                    { "text": "hm", "thought": true }, { "text": "It is " }, { "text": "warm." },
                ] },
                "finishReason": "STOP",
                "logprobsResult": {
                    "chosenCandidates": [{ "token": "It", "logProbability": -0.5 }],
                    "topCandidates": [{ "candidates": [{ "token": "It", "logProbability": -0.5 }] }],
                },
            }],
            "usageMetadata": {
                "promptTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 9,
            },
        });
        let completion = of(&answer, "support", 7);
        assert_eq!(completion["id"], "chatcmpl-r1");
        assert_eq!(completion["object"], "chat.completion");
        let choice = &completion["choices"][0];
        assert_eq!(choice["message"]["content"], "It is warm.");
        assert_eq!(choice["finish_reason"], "stop");
        assert_eq!(choice["logprobs"]["content"][0]["logprob"], -0.5);
        assert_eq!(completion["usage"]["completion_tokens"], 5);
        assert_eq!(completion["usage"]["total_tokens"], 9);
    }

    #[test]
    fn equal_calls_have_different_ids() {
        let part =
            json!({ "functionCall": { "name": "f", "args": { "a": 1 } }, "thoughtSignature": "s" });
        let answer = json!({ "responseId": "r", "candidates": [
            { "content": { "parts": [part, part] }, "finishReason": "STOP" },
        ] });
        let completion = of(&answer, "m", 0);
        let message = &completion["choices"][0]["message"];
        assert_eq!(message["content"], Value::Null);
        assert_eq!(message["tool_calls"][0]["id"], "call_r_1");
        assert_eq!(message["tool_calls"][1]["id"], "call_r_2");
        assert_eq!(
            message["tool_calls"][1]["function"]["arguments"],
            "{\"a\":1}"
        );
        assert_eq!(
            message["tool_calls"][0]["extra_content"]["google"]["thought_signature"],
            "s"
        );
        assert_eq!(completion["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn how_an_answer_ended_is_translated() {
        for (theirs, ours) in [
            ("STOP", "stop"),
            ("MAX_TOKENS", "length"),
            ("SAFETY", "content_filter"),
            ("RECITATION", "content_filter"),
            ("MALFORMED_FUNCTION_CALL", "stop"),
        ] {
            assert_eq!(
                finish_reason(&json!({ "finishReason": theirs }), false),
                Some(ours)
            );
        }
        assert_eq!(finish_reason(&json!({}), false), None);
        let blocked = of(
            &json!({ "promptFeedback": { "blockReason": "SAFETY" } }),
            "m",
            0,
        );
        assert_eq!(blocked["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(blocked["usage"], Value::Null);
    }
}
