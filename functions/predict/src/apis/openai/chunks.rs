//! A stream of Gemini's events as chunks of a chat completion.

use actix_web::web::Bytes;
use serde_json::{Value, json};

use super::{
    completion::{CallIds, Said, finish_reason, id, usage},
    error,
};
use crate::{failure::ServeFailure, streaming::Framing};

/// Writes the chunks.
#[derive(Debug)]
pub(super) struct ChunkFraming {
    model: String,
    created: i64,
    with_usage: bool,
    /// The first event's id: all chunks of an answer have one.
    id: Option<String>,
    ids: Option<CallIds>,
    calls: usize,
    usage: Value,
    has_ended: bool,
}

impl ChunkFraming {
    pub(super) fn new(model: String, created: i64, with_usage: bool) -> Self {
        Self {
            model,
            created,
            with_usage,
            id: None,
            ids: None,
            calls: 0,
            usage: Value::Null,
            has_ended: false,
        }
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn choice(&self, delta: &Value, finish_reason: Option<&str>) -> Value {
        let choice = json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        });
        self.chunk(&json!([choice]))
    }

    /// The chunks of one event.
    fn chunks(&mut self, event: &Value) -> Vec<Value> {
        let mut chunks = Vec::new();
        if self.id.is_none() {
            self.id = Some(id(event));
            chunks.push(self.choice(&json!({ "role": "assistant", "content": "" }), None));
        }
        if event.get("usageMetadata").is_some() {
            self.usage = usage(event);
        }
        let Some(candidate) = event.pointer("/candidates/0") else {
            if event.pointer("/promptFeedback/blockReason").is_some() {
                self.has_ended = true;
                chunks.push(self.choice(&json!({}), Some("content_filter")));
            }
            return chunks;
        };
        let ids = self.ids.get_or_insert_with(|| CallIds::of(event));
        let said = Said::of(candidate, ids);
        if let Some(text) = said.text.filter(|text| !text.is_empty()) {
            chunks.push(self.choice(&json!({ "content": text }), None));
        }
        for mut call in said.calls {
            if let Some(fields) = call.as_object_mut() {
                fields.insert("index".to_owned(), self.calls.into());
            }
            self.calls += 1;
            chunks.push(self.choice(&json!({ "tool_calls": [call] }), None));
        }
        if let Some(reason) = finish_reason(candidate, self.calls > 0) {
            self.has_ended = true;
            chunks.push(self.choice(&json!({}), Some(reason)));
        }
        chunks
    }
}

impl Framing for ChunkFraming {
    fn event(&mut self, event: &Bytes) -> Bytes {
        let event: Value = serde_json::from_slice(event).unwrap_or_default();
        let chunks = self.chunks(&event);
        chunks.iter().map(data).collect::<String>().into()
    }

    fn end(&mut self, failure: Option<&ServeFailure>) -> Bytes {
        if let Some(failure) = failure {
            return data(&error(failure)).into();
        }
        let mut text = String::new();
        if !self.has_ended {
            text.push_str(&data(&self.choice(&json!({}), Some("stop"))));
        }
        if self.with_usage {
            let mut chunk = self.chunk(&json!([]));
            if let Some(fields) = chunk.as_object_mut() {
                fields.insert("usage".to_owned(), self.usage.clone());
            }
            text.push_str(&data(&chunk));
        }
        text.push_str("data: [DONE]\n\n");
        text.into()
    }
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(events: &[Value], with_usage: bool, failure: Option<&ServeFailure>) -> Vec<Value> {
        let mut framing = ChunkFraming::new("m".to_owned(), 7, with_usage);
        let mut text = String::new();
        for event in events {
            let written = framing.event(&Bytes::from(event.to_string()));
            text.push_str(std::str::from_utf8(&written).unwrap());
        }
        text.push_str(std::str::from_utf8(&framing.end(failure)).unwrap());
        let data = text
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
            .collect()
    }

    fn event(text: &str, reason: Option<&str>) -> Value {
        json!({ "responseId": "r", "candidates": [{
            "content": { "parts": [{ "text": text }] }, "finishReason": reason,
        }] })
    }

    #[test]
    fn events_are_chunks() {
        let mut last = event("warm.", Some("STOP"));
        last["usageMetadata"] = json!({ "promptTokenCount": 2, "totalTokenCount": 5 });
        let chunks = write(&[event("It is ", None), last], true, None);
        let deltas: Vec<&Value> = chunks
            .iter()
            .map(|chunk| &chunk["choices"][0]["delta"])
            .collect();
        assert_eq!(deltas[0]["role"], "assistant");
        assert_eq!(
            (deltas[1]["content"].as_str(), deltas[2]["content"].as_str()),
            (Some("It is "), Some("warm."))
        );
        assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
        assert_eq!(chunks[4]["usage"]["total_tokens"], 5);
        assert_eq!(chunks[5], "[DONE]");
        assert!(chunks[..5].iter().all(|chunk| chunk["id"] == "chatcmpl-r"));
    }

    #[test]
    fn calls_are_numbered_over_all_events() {
        let call = json!({ "candidates": [{ "content": { "parts": [
            { "functionCall": { "name": "f", "args": {} } },
        ] } }] });
        let mut last = call.clone();
        last["candidates"][0]["finishReason"] = json!("STOP");
        let chunks = write(&[call, last], false, None);
        let calls: Vec<&Value> = chunks
            .iter()
            .filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0"))
            .collect();
        assert_eq!(
            (&calls[0]["index"], &calls[1]["index"]),
            (&json!(0), &json!(1))
        );
        assert_ne!(calls[0]["id"], calls[1]["id"]);
        assert_eq!(chunks[3]["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn an_answer_that_breaks_off_ends_with_an_error() {
        let chunks = write(&[event("It", None)], true, Some(&ServeFailure::Late));
        let last = chunks.last().unwrap();
        assert_eq!(last["error"]["code"], "timeout");
    }
}
