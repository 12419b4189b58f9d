//! Topics and subscriptions in the JSON mapping of proto3.

pub(super) mod messages;
pub(super) mod requests;
mod span;

use std::collections::BTreeMap;

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::push_config::{
    AuthenticationMethod, NoWrapper, OidcToken, PubsubWrapper, Wrapper,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::span::Span;
use super::rules;

/// Unknown fields: refused by name, unless they are empty.
type UnknownFields = BTreeMap<String, Value>;

/// A topic.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TopicResource {
    name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_retention_duration: Option<Span>,
    #[serde(skip_serializing_if = "String::is_empty")]
    state: String,
    #[serde(flatten)]
    rest: UnknownFields,
}

/// A subscription.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the service's resource has them"
)]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SubscriptionResource {
    name: String,
    topic: String,
    push_config: Option<PushConfig>,
    ack_deadline_seconds: i32,
    #[serde(skip_serializing_if = "is_false")]
    retain_acked_messages: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_retention_duration: Option<Span>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_false")]
    enable_message_ordering: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_policy: Option<ExpirationPolicy>,
    #[serde(skip_serializing_if = "String::is_empty")]
    filter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_policy: Option<DeadLetterPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "is_false")]
    detached: bool,
    #[serde(skip_serializing_if = "is_false")]
    enable_exactly_once_delivery: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    state: String,
    #[serde(flatten)]
    rest: UnknownFields,
}

/// Where and how messages are pushed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PushConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    push_endpoint: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc_token: Option<OidcTokenFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pubsub_wrapper: Option<UnknownFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_wrapper: Option<Bare>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OidcTokenFields {
    service_account_email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    audience: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Bare {
    #[serde(skip_serializing_if = "is_false")]
    write_metadata: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExpirationPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Span>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeadLetterPolicy {
    dead_letter_topic: String,
    max_delivery_attempts: i32,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_backoff: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_backoff: Option<Span>,
}

impl TopicResource {
    /// The protobuf resource; a field that is not served is refused.
    pub(super) fn into_proto(self) -> Result<proto::Topic, tonic::Status> {
        refuse(&self.rest)?;
        Ok(proto::Topic {
            name: self.name,
            labels: self.labels.into_iter().collect(),
            message_retention_duration: self.message_retention_duration.map(|span| span.0),
            ..Default::default()
        })
    }
}

impl From<proto::Topic> for TopicResource {
    fn from(topic: proto::Topic) -> Self {
        Self {
            state: topic.state().as_str_name().to_owned(),
            name: topic.name,
            labels: topic.labels.into_iter().collect(),
            message_retention_duration: topic.message_retention_duration.map(Span),
            rest: UnknownFields::new(),
        }
    }
}

impl SubscriptionResource {
    /// The protobuf resource; a field that is not served is refused.
    pub(super) fn into_proto(self) -> Result<proto::Subscription, tonic::Status> {
        refuse(&self.rest)?;
        Ok(proto::Subscription {
            name: self.name,
            topic: self.topic,
            push_config: self.push_config.map(Into::into),
            ack_deadline_seconds: self.ack_deadline_seconds,
            retain_acked_messages: self.retain_acked_messages,
            message_retention_duration: self.message_retention_duration.map(|span| span.0),
            labels: self.labels.into_iter().collect(),
            enable_message_ordering: self.enable_message_ordering,
            expiration_policy: self
                .expiration_policy
                .map(|policy| proto::ExpirationPolicy {
                    ttl: policy.ttl.map(|span| span.0),
                }),
            filter: self.filter,
            dead_letter_policy: self
                .dead_letter_policy
                .map(|policy| proto::DeadLetterPolicy {
                    dead_letter_topic: policy.dead_letter_topic,
                    max_delivery_attempts: policy.max_delivery_attempts,
                }),
            retry_policy: self.retry_policy.map(|policy| proto::RetryPolicy {
                minimum_backoff: policy.minimum_backoff.map(|span| span.0),
                maximum_backoff: policy.maximum_backoff.map(|span| span.0),
            }),
            enable_exactly_once_delivery: self.enable_exactly_once_delivery,
            ..Default::default()
        })
    }
}

impl From<proto::Subscription> for SubscriptionResource {
    fn from(config: proto::Subscription) -> Self {
        Self {
            state: config.state().as_str_name().to_owned(),
            name: config.name,
            topic: config.topic,
            push_config: config.push_config.map(Into::into),
            ack_deadline_seconds: config.ack_deadline_seconds,
            retain_acked_messages: config.retain_acked_messages,
            message_retention_duration: config.message_retention_duration.map(Span),
            labels: config.labels.into_iter().collect(),
            enable_message_ordering: config.enable_message_ordering,
            expiration_policy: config.expiration_policy.map(|policy| ExpirationPolicy {
                ttl: policy.ttl.map(Span),
            }),
            filter: config.filter,
            dead_letter_policy: config.dead_letter_policy.map(|policy| DeadLetterPolicy {
                dead_letter_topic: policy.dead_letter_topic,
                max_delivery_attempts: policy.max_delivery_attempts,
            }),
            retry_policy: config.retry_policy.map(|policy| RetryPolicy {
                minimum_backoff: policy.minimum_backoff.map(Span),
                maximum_backoff: policy.maximum_backoff.map(Span),
            }),
            detached: config.detached,
            enable_exactly_once_delivery: config.enable_exactly_once_delivery,
            rest: UnknownFields::new(),
        }
    }
}

impl From<PushConfig> for proto::PushConfig {
    fn from(push: PushConfig) -> Self {
        let bare = push.no_wrapper.map(|bare| {
            let write_metadata = bare.write_metadata;
            Wrapper::NoWrapper(NoWrapper { write_metadata })
        });
        let wrapped = push.pubsub_wrapper.map(|_| PubsubWrapper {});
        Self {
            push_endpoint: push.push_endpoint,
            attributes: push.attributes.into_iter().collect(),
            authentication_method: push.oidc_token.map(|token| {
                AuthenticationMethod::OidcToken(OidcToken {
                    service_account_email: token.service_account_email,
                    audience: token.audience,
                })
            }),
            wrapper: bare.or(wrapped.map(Wrapper::PubsubWrapper)),
        }
    }
}

impl From<proto::PushConfig> for PushConfig {
    fn from(push: proto::PushConfig) -> Self {
        let (pubsub_wrapper, no_wrapper) = match push.wrapper {
            None => (None, None),
            Some(Wrapper::PubsubWrapper(PubsubWrapper {})) => (Some(UnknownFields::new()), None),
            Some(Wrapper::NoWrapper(NoWrapper { write_metadata })) => {
                (None, Some(Bare { write_metadata }))
            }
        };
        Self {
            push_endpoint: push.push_endpoint,
            attributes: push.attributes.into_iter().collect(),
            oidc_token: push.authentication_method.map(|method| {
                let AuthenticationMethod::OidcToken(token) = method;
                OidcTokenFields {
                    service_account_email: token.service_account_email,
                    audience: token.audience,
                }
            }),
            pubsub_wrapper,
            no_wrapper,
        }
    }
}

fn refuse(rest: &UnknownFields) -> Result<(), tonic::Status> {
    let fields: Vec<(&str, bool)> = rest
        .iter()
        .map(|(field, value)| (field.as_str(), !is_empty(value)))
        .collect();
    rules::refuse(&fields)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_false(value: &bool) -> bool {
    !*value
}
