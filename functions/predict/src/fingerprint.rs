//! The cache key of an answer: a digest of everything that can change it.
//!
//! That is the model, the version of the route, and every byte of the question: the order of a schema's
//! properties, the digits of a number and a space in a text all reach the model. A caller that writes
//! the same question in other bytes pays for another answer, which is never a wrong one.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::question::{
    ModelQuestion, field,
    sources::{named_files, tools},
};

/// A SHA-256 digest. Reveals nothing of the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why the answer to a request must not be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCacheable {
    /// The caller wants a fresh answer each time: the temperature is above 0 (Gemini's default is 1) and there is no seed. A
    /// caller that sets a seed asks for the same answer again.
    #[error("temperature above 0 without a seed")]
    Random,
    /// A tool other than the caller's own functions (search, maps, a URL, code) brings in data that is not in the digest.
    #[error("a tool that reads external data")]
    Tool,
    /// A file is given by its URI, or a context by its name, and its content may change.
    #[error("content that is given by its name")]
    Named,
}

impl Fingerprint {
    /// The fingerprint of `question` to `model`, by that version of the route. A promotion or rollback raises the version, and
    /// so invalidates every cached answer at once.
    ///
    /// # Errors
    ///
    /// Where the answer must not be cached.
    pub fn of(
        question: &ModelQuestion,
        model: &str,
        route_version: u64,
    ) -> Result<Self, NotCacheable> {
        let fields = question.fields();
        if is_random(fields) {
            return Err(NotCacheable::Random);
        }
        if uses_external_data(fields) {
            return Err(NotCacheable::Tool);
        }
        let names_a_file = named_files(fields).next().is_some();
        if names_a_file || field(fields, "cachedContent").is_some() {
            return Err(NotCacheable::Named);
        }
        let mut digest = Sha256::new();
        digest.update(route_version.to_be_bytes());
        // The length keeps a model's name from running into the question.
        digest.update(model.len().to_be_bytes());
        digest.update(model);
        digest.update(question.bytes());
        Ok(Self(digest.finalize().into()))
    }
}

fn is_random(request: &Map<String, Value>) -> bool {
    let settings = field(request, "generationConfig").and_then(Value::as_object);
    let number = |name| settings.and_then(|settings| field(settings, name)?.as_f64());
    number("seed").is_none() && number("temperature").is_none_or(|temperature| temperature > 0.0)
}

fn uses_external_data(request: &Map<String, Value>) -> bool {
    tools(request).any(|tool| tool != "functionDeclarations")
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn question(value: &Value) -> ModelQuestion {
        ModelQuestion::read(Bytes::from(value.to_string())).unwrap()
    }

    fn key(value: &Value) -> Result<Fingerprint, NotCacheable> {
        Fingerprint::of(&question(value), "m", 1)
    }

    /// A request that may be cached, with more fields.
    fn request(more: &Value) -> Value {
        let mut request = json!({ "contents": [{ "parts": [{ "text": "Hi" }] }], "generationConfig": { "temperature": 0 } });
        for (key, value) in more.as_object().unwrap() {
            request[key] = value.clone();
        }
        request
    }

    #[test]
    fn model_and_route_are_part_of_the_key() {
        let question = question(&request(&json!({})));
        let of = |model, version| Fingerprint::of(&question, model, version).unwrap();
        assert_eq!(of("m", 1), of("m", 1));
        assert_ne!(of("m", 1), of("m", 2));
        assert_ne!(of("m", 1), of("n", 1));
        // A longer name cannot imitate another question.
        assert_ne!(of("m", 1), of("m{", 1));
    }

    #[test]
    fn the_order_of_properties_and_every_digit_count() {
        let schema = |text: &str| {
            let body = format!(
                r#"{{"contents": [{{}}], "generationConfig": {{"seed": 1, "responseSchema": {text}}}}}"#
            );
            let question = ModelQuestion::read(Bytes::from(body)).unwrap();
            Fingerprint::of(&question, "m", 1).unwrap()
        };
        assert_ne!(schema(r#"{"a": 1, "b": 2}"#), schema(r#"{"b": 2, "a": 1}"#));
        assert_ne!(
            schema("123456789012345678901234567890"),
            schema("123456789012345678901234567891")
        );
    }

    #[test]
    fn an_answer_that_may_differ_is_not_cached() {
        let settings = |settings: Value| key(&request(&json!({ "generationConfig": settings })));
        assert_eq!(settings(json!({})), Err(NotCacheable::Random));
        assert_eq!(
            settings(json!({ "temperature": 0.1 })),
            Err(NotCacheable::Random)
        );
        assert!(settings(json!({ "temperature": 0.1, "seed": 7 })).is_ok());
        let tools = |tools: Value| key(&request(&json!({ "tools": tools })));
        assert!(tools(json!([{ "functionDeclarations": [] }])).is_ok());
        assert!(tools(json!([{ "function_declarations": [] }])).is_ok());
        assert_eq!(
            tools(json!([{ "googleSearch": {} }])),
            Err(NotCacheable::Tool)
        );
        assert_eq!(tools(json!({ "url_context": {} })), Err(NotCacheable::Tool));
        let named = request(&json!({ "cached_content": "cachedContents/7" }));
        assert_eq!(key(&named), Err(NotCacheable::Named));
    }

    proptest! {
        #[test]
        fn every_byte_of_a_question_is_part_of_its_key(one in "\\PC{0,20}", other in "\\PC{0,20}") {
            let of = |text: &str| key(&request(&json!({ "labels": { "note": text } }))).unwrap();
            prop_assert_eq!(one == other, of(&one) == of(&other));
        }
    }
}
