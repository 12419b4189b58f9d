//! Messages in JSON, for publishing and pulling over REST.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::super::envelope;

/// A request to publish.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct PublishBody {
    messages: Vec<JsonMessage>,
}

/// A message, in either direction.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct JsonMessage {
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(rename = "messageId", skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    publish_time: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ordering_key: String,
}

/// The ids of published messages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Published {
    message_ids: Vec<String>,
}

/// The answer of a pull.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Pulled {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    received_messages: Vec<Received>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    ack_id: String,
    message: JsonMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<i32>,
}

impl PublishBody {
    /// The protobuf request, for `topic`.
    pub(in super::super) fn into_proto(
        self,
        topic: String,
    ) -> Result<proto::PublishRequest, Status> {
        let messages = self.messages.into_iter().map(JsonMessage::into_proto);
        Ok(proto::PublishRequest {
            topic,
            messages: messages.collect::<Result<_, _>>()?,
        })
    }
}

impl JsonMessage {
    fn into_proto(self) -> Result<proto::PubsubMessage, Status> {
        let data = BASE64_STANDARD
            .decode(self.data)
            .map_err(|error| Status::invalid_argument(format!("data is not base64: {error}")))?;
        Ok(proto::PubsubMessage {
            data,
            attributes: self.attributes.into_iter().collect(),
            ordering_key: self.ordering_key,
            ..Default::default()
        })
    }
}

impl From<proto::PubsubMessage> for JsonMessage {
    fn from(message: proto::PubsubMessage) -> Self {
        Self {
            data: BASE64_STANDARD.encode(&message.data),
            publish_time: envelope::publish_time(&message),
            attributes: message.attributes.into_iter().collect(),
            id: message.message_id,
            ordering_key: message.ordering_key,
        }
    }
}

impl From<proto::PublishResponse> for Published {
    fn from(response: proto::PublishResponse) -> Self {
        let message_ids = response.message_ids;
        Self { message_ids }
    }
}

impl From<proto::PullResponse> for Pulled {
    fn from(response: proto::PullResponse) -> Self {
        let received = response
            .received_messages
            .into_iter()
            .map(|received| Received {
                ack_id: received.ack_id,
                message: received.message.unwrap_or_default().into(),
                delivery_attempt: (received.delivery_attempt > 0)
                    .then_some(received.delivery_attempt),
            });
        Self {
            received_messages: received.collect(),
        }
    }
}
