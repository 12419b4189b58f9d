//! The request of a push: <https://cloud.google.com/pubsub/docs/push#receive_push>.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    PubsubMessage, Subscription,
    push_config::{AuthenticationMethod, Wrapper},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

use super::backlog::LeasedMessage;

/// The order of fields and the duplicate names are the service's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<i32>,
    message: EnvelopeMessage<'a>,
    subscription: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeMessage<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(rename = "messageId")]
    id: &'a str,
    #[serde(rename = "message_id")]
    id_again: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    ordering_key: &'a str,
    publish_time: &'a str,
    #[serde(rename = "publish_time")]
    publish_time_again: &'a str,
}

/// The headers and the body of a push, without its token.
pub(super) fn build(config: &Subscription, delivery: &LeasedMessage) -> (HeaderMap, Vec<u8>) {
    let message = &delivery.message;
    let push = config.push_config.as_ref();
    let mut headers = HeaderMap::new();
    let body = match push.and_then(|push| push.wrapper.as_ref()) {
        None | Some(Wrapper::PubsubWrapper(_)) => wrapped(config, delivery),
        Some(Wrapper::NoWrapper(how)) => {
            if how.write_metadata {
                write_metadata(&mut headers, config, delivery);
            }
            message.data.clone()
        }
    };
    let json = HeaderValue::from_static("application/json");
    headers.entry(header::CONTENT_TYPE).or_insert(json);
    let agent = HeaderValue::from_static("CloudPubSub-Google");
    headers.insert(header::USER_AGENT, agent);
    headers.insert(header::FROM, HeaderValue::from_static("noreply@google.com"));
    (headers, body)
}

/// The account and the audience of a push's token.
pub(super) fn token_of(config: &Subscription) -> Option<(&str, &str)> {
    let push = config.push_config.as_ref()?;
    let AuthenticationMethod::OidcToken(token) = push.authentication_method.as_ref()?;
    let audience = match token.audience.as_str() {
        "" => &push.push_endpoint,
        audience => audience,
    };
    Some((&token.service_account_email, audience))
}

/// A message's publish time in the service's format.
pub(super) fn publish_time(message: &PubsubMessage) -> String {
    let time = message.publish_time.unwrap_or_default();
    DateTime::from_timestamp(time.seconds, time.nanos.unsigned_abs())
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn wrapped(config: &Subscription, delivery: &LeasedMessage) -> Vec<u8> {
    let message = &delivery.message;
    let time = publish_time(message);
    let attributes = message.attributes.iter();
    let envelope = Envelope {
        delivery_attempt: attempt(config, delivery),
        message: EnvelopeMessage {
            attributes: attributes.map(|(k, v)| (k.as_str(), v.as_str())).collect(),
            data: BASE64_STANDARD.encode(&message.data),
            id: &message.message_id,
            id_again: &message.message_id,
            ordering_key: &message.ordering_key,
            publish_time: &time,
            publish_time_again: &time,
        },
        subscription: &config.name,
    };
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// The attempt, which the service sends only with a dead-letter policy.
fn attempt(config: &Subscription, delivery: &LeasedMessage) -> Option<i32> {
    config
        .dead_letter_policy
        .is_some()
        .then_some(delivery.attempt)
}

fn write_metadata(headers: &mut HeaderMap, config: &Subscription, delivery: &LeasedMessage) {
    let message = &delivery.message;
    for (key, value) in &message.attributes {
        write_header(headers, key, value);
    }
    write_header(headers, "x-goog-pubsub-subscription-name", &config.name);
    write_header(headers, "x-goog-pubsub-message-id", &message.message_id);
    let time = publish_time(message);
    write_header(headers, "x-goog-pubsub-publish-time", &time);
    if !message.ordering_key.is_empty() {
        write_header(headers, "x-goog-pubsub-ordering-key", &message.ordering_key);
    }
    if let Some(attempt) = attempt(config, delivery) {
        write_header(
            headers,
            "x-goog-pubsub-delivery-attempt",
            &attempt.to_string(),
        );
    }
}

/// Skips what is not a valid header, and headers of the transport.
fn write_header(headers: &mut HeaderMap, name: &str, value: &str) {
    let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
    let (Ok(name), Ok(value)) = parsed else {
        return;
    };
    let ours = [
        header::AUTHORIZATION,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::HOST,
        header::TRANSFER_ENCODING,
    ];
    if !ours.contains(&name) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
        DeadLetterPolicy, PushConfig, push_config::NoWrapper,
    };

    use super::*;

    fn subscription() -> Subscription {
        Subscription {
            name: "projects/myproject/subscriptions/mysubscription".to_owned(),
            push_config: Some(PushConfig::default()),
            ..Default::default()
        }
    }

    fn delivery() -> LeasedMessage {
        let message = PubsubMessage {
            data: b"Hello Cloud Pub/Sub! Here is my message!".to_vec(),
            attributes: [("key".to_owned(), "value".to_owned())].into(),
            message_id: "2070443601311540".to_owned(),
            publish_time: Some(prost_types::Timestamp {
                seconds: 1_614_368_953,
                nanos: 749_000_000,
            }),
            ordering_key: "key".to_owned(),
        };
        LeasedMessage {
            ack_id: String::new(),
            attempt: 5,
            message: Arc::new(message),
        }
    }

    #[test]
    fn a_wrapped_push_is_byte_for_byte_the_documented_one() {
        let mut config = subscription();
        config.dead_letter_policy = Some(DeadLetterPolicy::default());
        let (headers, body) = build(&config, &delivery());
        let expected = concat!(
            r#"{"deliveryAttempt":5,"message":{"attributes":{"key":"value"},"#,
            r#""data":"SGVsbG8gQ2xvdWQgUHViL1N1YiEgSGVyZSBpcyBteSBtZXNzYWdlIQ==","#,
            r#""messageId":"2070443601311540","message_id":"2070443601311540","#,
            r#""orderingKey":"key","publishTime":"2021-02-26T19:49:13.749Z","#,
            r#""publish_time":"2021-02-26T19:49:13.749Z"},"#,
            r#""subscription":"projects/myproject/subscriptions/mysubscription"}"#,
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        assert_eq!(headers["content-type"], "application/json");
    }

    #[test]
    fn empty_fields_are_omitted() {
        let mut delivery = delivery();
        let message = Arc::make_mut(&mut delivery.message);
        message.data.clear();
        message.attributes.clear();
        message.ordering_key.clear();
        let (_, body) = build(&subscription(), &delivery);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body["message"]
                .as_object()
                .unwrap()
                .keys()
                .collect::<Vec<_>>(),
            ["messageId", "message_id", "publishTime", "publish_time"]
        );
        assert!(body.get("deliveryAttempt").is_none(), "{body}");
    }

    #[test]
    fn an_unwrapped_push_is_the_data_with_metadata_on_request() {
        let mut config = subscription();
        let mut bare = |write_metadata| {
            let wrapper = Wrapper::NoWrapper(NoWrapper { write_metadata });
            config.push_config.as_mut().unwrap().wrapper = Some(wrapper);
            build(&config, &delivery())
        };
        let (headers, body) = bare(false);
        assert_eq!(body, b"Hello Cloud Pub/Sub! Here is my message!");
        assert!(headers.get("x-goog-pubsub-message-id").is_none());
        let (headers, _) = bare(true);
        assert_eq!(headers["key"], "value");
        assert_eq!(headers["x-goog-pubsub-message-id"], "2070443601311540");
        assert_eq!(headers["x-goog-pubsub-ordering-key"], "key");
        assert_eq!(
            headers["x-goog-pubsub-publish-time"],
            "2021-02-26T19:49:13.749Z"
        );
        assert_eq!(
            headers["x-goog-pubsub-subscription-name"],
            "projects/myproject/subscriptions/mysubscription"
        );
    }

    #[test]
    fn a_transport_header_cannot_be_forged_by_an_attribute() {
        let mut headers = HeaderMap::new();
        write_header(&mut headers, "Authorization", "Bearer forged");
        write_header(&mut headers, "not a name", "x");
        write_header(&mut headers, "key", "not\na value");
        assert!(headers.is_empty(), "{headers:?}");
    }
}
