//! Pub/Sub: gRPC, and REST for administration.
//!
//! Like the service: at-least-once delivery with leases and back-off, dead letters, filters,
//! ordering keys, retention and seek, push with its envelope and its token. Refused by name:
//! snapshots, schemas, exactly-once delivery, transforms, exports, IAM.

mod backlog;
mod delivery_faults;
mod filter;
mod rules;

mod broker;
mod queue;
mod subscriptions;
mod topics;

mod pull;

mod envelope;
mod push;

mod json;
mod rest;

mod control;

mod name;
mod page;
mod row;
mod write_behind;

#[cfg(test)]
mod admin_tests;
#[cfg(test)]
mod delivery_tests;
#[cfg(test)]
mod push_tests;
#[cfg(test)]
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use tonic::Status;

use self::broker::{Broker, State};
use crate::{
    clock::Clock,
    db::{self, Db, DbChange},
    grpc::{self, ProstMessage, Request, Response},
    ports::MintToken,
};

/// Pub/Sub: gRPC, and REST for administration.
#[derive(Debug, Clone)]
pub(crate) struct PubSub(Arc<Broker>);

impl PubSub {
    /// Reads back what an earlier process left in `db`, and starts pushing.
    pub(crate) fn open(db: Db, clock: Clock, mint: MintToken) -> Result<Self, db::Error> {
        let broker = Arc::new(Broker::open(db, clock)?);
        push::start(&broker, mint);
        Ok(Self(broker))
    }

    /// Answers a gRPC call of `method`.
    pub(crate) async fn grpc(&self, method: &str, request: Request) -> Response {
        let broker = Arc::clone(&self.0);
        match method {
            "CreateTopic" => self.call(request, State::create_topic).await,
            "UpdateTopic" => self.call(request, State::update_topic).await,
            "GetTopic" => self.call(request, State::get_topic).await,
            "ListTopics" => self.call(request, State::list_topics).await,
            "ListTopicSubscriptions" => self.call(request, State::list_topic_subscriptions).await,
            "DeleteTopic" => self.call(request, State::delete_topic).await,
            "Publish" => self.call(request, State::publish).await,
            "CreateSubscription" => self.call(request, State::create_subscription).await,
            "UpdateSubscription" => self.call(request, State::update_subscription).await,
            "GetSubscription" => self.call(request, State::get_subscription).await,
            "ListSubscriptions" => self.call(request, State::list_subscriptions).await,
            "DeleteSubscription" => self.call(request, State::delete_subscription).await,
            "DetachSubscription" => self.call(request, State::detach_subscription).await,
            "ModifyPushConfig" => self.call(request, State::modify_push_config).await,
            "Seek" => self.call(request, State::seek).await,
            "Acknowledge" => self.call(request, State::acknowledge).await,
            "ModifyAckDeadline" => self.call(request, State::modify_ack_deadline).await,
            "Pull" => grpc::unary(request, |pull| pull::pull(broker, pull)).await,
            "StreamingPull" => {
                grpc::bidi(request, |requests| pull::streaming_pull(broker, requests)).await
            }
            other => grpc::unimplemented(other),
        }
    }

    /// Answers a REST call to the service or below `/emulator/pubsub`.
    pub(crate) async fn rest(&self, request: Request) -> Response {
        rest::answer(&self.0, request).await
    }

    /// Publishes from inside the emulators; for a missing topic the message is logged and dropped.
    pub(crate) fn publish_inside(
        &self,
        topic: &str,
        data: Vec<u8>,
        attributes: BTreeMap<String, String>,
    ) {
        let request = proto::PublishRequest {
            topic: topic.to_owned(),
            messages: vec![proto::PubsubMessage {
                data,
                attributes: attributes.into_iter().collect(),
                ..Default::default()
            }],
        };
        let published = self
            .0
            .change_soon(|state, changes| state.publish(&request, changes));
        match published {
            Ok(_) => self.0.push_wake.notify_one(),
            Err(status) => {
                tracing::warn!(topic, %status, "dropped a message from another emulator");
            }
        }
    }

    /// Answers a call by a single change of the state.
    async fn call<Q: ProstMessage, R: ProstMessage>(
        &self,
        request: Request,
        act: fn(&mut State, &Q, &mut Vec<DbChange>) -> Result<R, Status>,
    ) -> Response {
        let broker = Arc::clone(&self.0);
        grpc::unary(request, move |request: Q| async move {
            broker
                .change(|state, changes| act(state, &request, changes))
                .await
        })
        .await
    }
}
