//! A message as it arrives: authenticated, unwrapped, decoded.
//!
//! Accepts the Pub/Sub push envelope, its unwrapped form's headers and Eventarc's binary
//! CloudEvent alike; what is inside decides [`FromMessage`].

use std::collections::BTreeMap;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{FutureExt as _, future::LocalBoxFuture};
use serde::Deserialize;
use tracing::Span;

use crate::{
    auth::{self, Callers},
    error::Error,
    event::{Event, Incident, ObjectFinalized, Tick},
    trace::Trace,
};

/// A message, whichever envelope it came in.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Attributes by lower-case name; a CloudEvent's `ce-` headers are among them.
    pub attributes: BTreeMap<String, String>,
    /// The body.
    pub data: Vec<u8>,
    /// Pub/Sub's id of the message, or the CloudEvent's.
    pub id: String,
    /// How often it has been sent, where the subscription counts.
    pub attempt: Option<u32>,
}

impl Message {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    fn required(&self, name: &str) -> Result<&str, String> {
        self.attribute(name)
            .ok_or_else(|| format!("no attribute `{name}`"))
    }
}

/// An event that can be read from a message.
pub trait FromMessage: Sized {
    /// Reads it, or says what is missing.
    fn from_message(message: &Message) -> Result<Self, String>;
}

impl<E: Event> FromMessage for E {
    fn from_message(message: &Message) -> Result<Self, String> {
        match message.attribute("ce-type") {
            Some(found) if found != E::TYPE => {
                return Err(format!("expected `{}`, found `{found}`", E::TYPE));
            }
            Some(_) | None => {}
        }
        serde_json::from_slice(&message.data)
            .map_err(|error| format!("not a `{}`: {error}", E::TYPE))
    }
}

impl FromMessage for Tick {
    fn from_message(_message: &Message) -> Result<Self, String> {
        Ok(Self {})
    }
}

impl FromMessage for ObjectFinalized {
    /// Reads the attributes of a Cloud Storage notification, or Eventarc's object.
    fn from_message(message: &Message) -> Result<Self, String> {
        let generation = |text: &str| {
            text.parse::<i64>()
                .map_err(|_error| format!("generation `{text}` is not a number"))
        };
        if message.attribute("ce-type").is_some() {
            let object: StoredObject = serde_json::from_slice(&message.data)
                .map_err(|error| format!("not a storage object: {error}"))?;
            let generation = generation(&object.generation)?;
            return Ok(Self::new(&object.bucket, &object.name, generation));
        }
        match message.required("eventtype")? {
            "OBJECT_FINALIZE" => {}
            other => return Err(format!("expected `OBJECT_FINALIZE`, found `{other}`")),
        }
        Ok(Self::new(
            message.required("bucketid")?,
            message.required("objectid")?,
            generation(message.required("objectgeneration")?)?,
        ))
    }
}

/// The fields of a `StorageObjectData` that say which object it is.
#[derive(Deserialize)]
struct StoredObject {
    bucket: String,
    name: String,
    generation: String,
}

impl FromMessage for Incident {
    fn from_message(message: &Message) -> Result<Self, String> {
        Ok(Self::read(&message.data))
    }
}

/// An event, and the message that carried it.
#[derive(Debug)]
pub struct Delivery<E> {
    /// The event.
    pub event: E,
    /// The message it came in.
    pub message: Message,
}

impl<E: FromMessage + 'static> FromRequest for Delivery<E> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let received = receive(request, payload);
        async move {
            let message = received.await?;
            let event = E::from_message(&message).map_err(Error::Malformed)?;
            Ok(Self { event, message })
        }
        .boxed_local()
    }
}

/// Reads a message from its request.
///
/// It knows no type of event, and is boxed, so that its code is generated here, once.
fn receive(
    request: &HttpRequest,
    payload: &mut Payload,
) -> LocalBoxFuture<'static, Result<Message, Error>> {
    let request = request.clone();
    let body = web::Bytes::from_request(&request, payload);
    async move {
        if auth::caller(&request).is_none_or(|caller| caller.callers != Callers::Pushes) {
            return Err(Error::Unauthenticated("this service accepts no pushes"));
        }
        let body = body
            .await
            .map_err(|error| Error::Malformed(error.to_string()))?;
        let message = unwrap(&request, &body).map_err(Error::Malformed)?;
        record(&message);
        Ok(message)
    }
    .boxed_local()
}

fn record(message: &Message) {
    let span = Span::current();
    span.record(
        "event.id",
        message.attribute("ce-id").unwrap_or(&message.id),
    );
    if let Some(kind) = message.attribute("ce-type") {
        span.record("event.type", kind);
    }
    if let Some(attempt) = message.attempt {
        span.record("attempt", attempt);
    }
    if let Some(trace) = Trace::of_headers(|name| message.attribute(name)) {
        span.record("trace", trace.to_string());
    }
}

/// Reads a message from whichever envelope it came in.
fn unwrap(request: &HttpRequest, body: &[u8]) -> Result<Message, String> {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    if header("ce-type").is_some() {
        let attributes: BTreeMap<_, _> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .filter(|(name, _)| name.starts_with("ce-") || name == "traceparent")
            .collect();
        return Ok(Message {
            id: attributes.get("ce-id").cloned().unwrap_or_default(),
            attributes,
            data: body.to_vec(),
            attempt: None,
        });
    }
    let push: Push =
        serde_json::from_slice(body).map_err(|error| format!("not a Pub/Sub push: {error}"))?;
    let data = BASE64_STANDARD
        .decode(&push.message.data)
        .map_err(|error| format!("message.data is not base64: {error}"))?;
    Ok(Message {
        attributes: push
            .message
            .attributes
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect(),
        data,
        id: push.message.message_id,
        attempt: push.delivery_attempt,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Push {
    message: PushMessage,
    delivery_attempt: Option<u32>,
}

// Pub/Sub sends `messageId` and `message_id` both, so neither may be an alias of the other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PushMessage {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    message_id: String,
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;
    use crate::{event::RunFinished, uri::Artifact, uri::GcsUri};

    fn push(attributes: &serde_json::Value, data: &str) -> Message {
        let body = json!({
            "message": {
                "data": BASE64_STANDARD.encode(data), "attributes": attributes,
                "messageId": "7", "message_id": "7", "publishTime": "2026-11-22T10:00:00Z",
            },
            "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 2,
        });
        let request = TestRequest::default().to_http_request();
        unwrap(&request, body.to_string().as_bytes()).unwrap()
    }

    fn upload() -> ObjectFinalized {
        ObjectFinalized {
            artifact: Artifact {
                uri: GcsUri::new("b", "d/o.jsonl"),
                generation: 12,
            },
        }
    }

    #[test]
    fn a_storage_notification_is_read() {
        let attributes = json!({
            "bucketId": "b", "objectId": "d/o.jsonl", "objectGeneration": "12",
            "eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1",
        });
        let message = push(&attributes, "{}");
        assert_eq!(ObjectFinalized::from_message(&message), Ok(upload()));
        assert_eq!(message.attempt, Some(2));
    }

    #[test]
    fn a_deleted_object_is_not_an_upload() {
        let attributes = json!({"eventType": "OBJECT_DELETE"});
        let error = ObjectFinalized::from_message(&push(&attributes, "")).unwrap_err();
        assert!(error.contains("OBJECT_DELETE"), "{error}");
    }

    #[test]
    fn an_eventarc_cloud_event_is_read() {
        let request = TestRequest::default()
            .insert_header(("ce-type", "google.cloud.storage.object.v1.finalized"))
            .insert_header(("ce-id", "9"))
            .to_http_request();
        let body = json!({"bucket": "b", "name": "d/o.jsonl", "generation": "12", "size": "3"});
        let message = unwrap(&request, body.to_string().as_bytes()).unwrap();
        assert_eq!(ObjectFinalized::from_message(&message), Ok(upload()));
        assert_eq!(message.id, "9");
    }

    #[test]
    fn an_event_of_another_type_is_refused() {
        let message = push(
            &json!({"ce-type": "dev.lapidary.run.evaluated.v1"}),
            r#"{"run":"a"}"#,
        );
        let error = RunFinished::from_message(&message).unwrap_err();
        assert!(error.contains("run.evaluated"), "{error}");
    }
}
