//! A question as its caller wrote it: the bytes that are passed on, and what is read of them.

mod distinct;
pub mod sources;

use actix_web::web::Bytes;
use serde_json::{Map, Value};

/// What a caller wants of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerDemands {
    /// The caller limits the tokens of the answer.
    pub own_token_limit: bool,
    /// The answer must be JSON.
    pub json: bool,
    /// The schema that it must follow, as the request gives it.
    pub schema: Option<Value>,
}

/// A `GenerateContentRequest`.
///
/// The model gets the bytes. Writing the parsed value again would change the order of a schema's
/// properties, which is the order that the model answers in, and round long numbers.
#[derive(Debug, Clone)]
pub struct ModelQuestion {
    bytes: Bytes,
    fields: Map<String, Value>,
}

impl ModelQuestion {
    /// Reads a request body.
    ///
    /// # Errors
    ///
    /// In plain words for the caller, where it is not a request: not JSON, a field that is given
    /// twice, or no turn.
    pub fn read(bytes: Bytes) -> Result<Self, String> {
        let fields = match distinct::parse(&bytes) {
            Ok(Value::Object(fields)) => fields,
            Ok(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_),
            ) => return Err("the body must be a JSON object with `contents`".to_owned()),
            Err(error) => return Err(format!("the body cannot be read as JSON: {error}")),
        };
        match fields.get("contents") {
            Some(Value::Array(contents)) if contents.is_empty() => {
                Err("`contents` must have at least one turn, and has none".to_owned())
            }
            // Google's JSON takes a single turn, or a text, for a list of one.
            Some(Value::Array(_) | Value::Object(_)) => Ok(Self { bytes, fields }),
            Some(_) => Err("`contents` must be a list of turns".to_owned()),
            None => Err("the request has no `contents`: give a list of turns".to_owned()),
        }
    }

    /// The bytes that the caller sent.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The request's fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// What the caller wants of an answer, so that an answer that gives it counts as whole.
    pub fn asked(&self) -> AnswerDemands {
        let settings = field(&self.fields, "generationConfig").and_then(Value::as_object);
        let setting = |name| settings.and_then(|settings| field(settings, name));
        let schema = setting("responseSchema").or_else(|| setting("responseJsonSchema"));
        let mime_type = setting("responseMimeType").and_then(Value::as_str);
        AnswerDemands {
            own_token_limit: setting("maxOutputTokens").is_some_and(|limit| !limit.is_null()),
            json: schema.is_some() || mime_type == Some("application/json"),
            schema: schema.cloned(),
        }
    }
}

/// A field by its name in camel case, in either of the two spellings of proto-JSON.
pub fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let mut fields = object.iter();
        fields.find_map(|(key, value)| (camel(key) == name).then_some(value))
    })
}

/// `generation_config` as `generationConfig`.
pub fn camel(key: &str) -> String {
    let mut camel = String::with_capacity(key.len());
    let mut raise = false;
    for letter in key.chars() {
        match letter {
            '_' => raise = true,
            _ if raise => {
                camel.push(letter.to_ascii_uppercase());
                raise = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ModelQuestion, String> {
        ModelQuestion::read(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn the_bytes_stay_as_they_are() {
        let text = r#"{ "contents":[{"parts":[{"text":"Hi"}]}], "x": 123456789012345678901234567890,
            "generation_config": {"responseSchema": {"properties": {"b": 1, "a": 2}}} }"#;
        assert_eq!(read(text).unwrap().bytes(), text.as_bytes());
    }

    #[test]
    fn what_is_no_request_is_refused_in_words() {
        for (text, words) in [
            ("{", "cannot be read as JSON"),
            ("[]", "must be a JSON object"),
            ("{}", "has no `contents`"),
            (r#"{"contents": []}"#, "has none"),
            (r#"{"contents": "Hi"}"#, "list of turns"),
            (
                r#"{"contents": [{}], "tools": [1], "tools": []}"#,
                "`tools` is given twice",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_asked_is_read_in_both_spellings() {
        let asked = |settings: &str| {
            let text = format!(r#"{{"contents": [{{}}], {settings}}}"#);
            read(&text).unwrap().asked()
        };
        let own = asked(r#""generationConfig": {"maxOutputTokens": 5}"#);
        assert!(own.own_token_limit && !own.json);
        assert!(asked(r#""generation_config": {"max_output_tokens": 5}"#).own_token_limit);
        assert!(asked(r#""generationConfig": {"responseMimeType": "application/json"}"#).json);
        let schema = asked(r#""generationConfig": {"response_schema": {"type": "STRING"}}"#);
        assert_eq!(schema.schema, Some(serde_json::json!({"type": "STRING"})));
        assert!(!asked(r#""labels": {}"#).json);
    }
}
