//! A test client of the emulator: hand-made gRPC frames, and JSON.

use std::{path::Path, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use futures::StreamExt as _;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1 as proto;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::Subscription;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;

use super::{PubSub, control::SubscriptionStats};
use crate::{clock::Clock, db::Db};

/// How long a test waits for a state before it fails.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(5);

/// A client of one emulator.
pub(super) struct Wire(pub(super) PubSub);

impl Wire {
    /// In memory, with a clock at `speed`.
    pub(super) fn at(speed: f64) -> Self {
        Self::over(Db::in_memory().unwrap(), speed)
    }

    /// With the store of an earlier emulator.
    pub(super) fn reopen(file: &Path) -> Self {
        Self::over(Db::open(file).unwrap(), 1.0)
    }

    fn over(db: Db, speed: f64) -> Self {
        let mint = |email: &str, audience: &str| format!("token-of-{email}-for-{audience}");
        Self(PubSub::open(db, Clock::starting_now(speed), Arc::new(mint)).unwrap())
    }

    /// One unary call.
    pub(super) async fn grpc<R: prost::Message + Default>(
        &self,
        method: &str,
        message: &impl prost::Message,
    ) -> Result<R, Code> {
        let response = self.0.grpc(method, request(method, frame(message))).await;
        let head = code(response.headers());
        let collected = response.into_body().collect().await.unwrap();
        let code = head
            .or_else(|| collected.trailers().and_then(code))
            .unwrap();
        let bytes = collected.to_bytes();
        if code != Code::Ok {
            return Err(code);
        }
        Ok(R::decode(&bytes[5..]).unwrap())
    }

    /// Opens a stream of messages.
    pub(super) async fn stream(&self, first: &proto::StreamingPullRequest) -> Flow {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Result<Bytes, Code>>();
        sender.send(Ok(frame(first))).unwrap();
        let body = Body::from_stream(
            UnboundedReceiverStream::new(receiver)
                .map(|it| it.map_err(|code| std::io::Error::other(format!("{code:?}")))),
        );
        let method = "StreamingPull";
        let response = self.0.grpc(method, request(method, body)).await;
        Flow {
            head: code(response.headers()),
            body: response.into_body(),
            buffer: Vec::new(),
            sender,
        }
    }

    /// One REST call; an empty body for `Null`.
    pub(super) async fn rest(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        let request = http::Request::builder().method(method).uri(path).body(body);
        let response = self.0.rest(request.unwrap()).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    /// Creates a topic in the project `demo`.
    pub(super) async fn topic(&self, id: &str) -> String {
        let name = format!("projects/demo/topics/{id}");
        let topic = proto::Topic {
            name: name.clone(),
            ..Default::default()
        };
        self.grpc::<proto::Topic>("CreateTopic", &topic)
            .await
            .unwrap();
        name
    }

    /// Creates the subscription `id` of `topic`, changed as the test likes.
    pub(super) async fn subscription(
        &self,
        topic: &str,
        id: &str,
        change: impl FnOnce(&mut Subscription),
    ) -> String {
        let name = format!("projects/demo/subscriptions/{id}");
        let mut config = Subscription {
            name: name.clone(),
            topic: topic.to_owned(),
            ..Default::default()
        };
        change(&mut config);
        self.grpc::<Subscription>("CreateSubscription", &config)
            .await
            .unwrap();
        name
    }

    /// Publishes messages, each with an ordering key; returns their ids.
    pub(super) async fn publish(&self, topic: &str, messages: &[(&str, &str)]) -> Vec<String> {
        let messages = messages.iter().map(|(data, key)| proto::PubsubMessage {
            data: data.as_bytes().to_vec(),
            ordering_key: (*key).to_owned(),
            ..Default::default()
        });
        let request = proto::PublishRequest {
            topic: topic.to_owned(),
            messages: messages.collect(),
        };
        let response = self.grpc::<proto::PublishResponse>("Publish", &request);
        response.await.unwrap().message_ids
    }

    /// The messages of a pull that does not wait.
    pub(super) async fn pull(&self, subscription: &str) -> Vec<proto::ReceivedMessage> {
        #[expect(deprecated, reason = "a test of the current messages must not wait")]
        let request = proto::PullRequest {
            subscription: subscription.to_owned(),
            return_immediately: true,
            max_messages: 100,
        };
        let response = self.grpc::<proto::PullResponse>("Pull", &request);
        response.await.unwrap().received_messages
    }

    /// Pulls until there is a message.
    pub(super) async fn pull_some(&self, subscription: &str) -> Vec<proto::ReceivedMessage> {
        let request = proto::PullRequest {
            subscription: subscription.to_owned(),
            max_messages: 100,
            ..Default::default()
        };
        let response = self.grpc::<proto::PullResponse>("Pull", &request);
        response.await.unwrap().received_messages
    }

    pub(super) async fn ack(&self, subscription: &str, received: &[proto::ReceivedMessage]) {
        let request = proto::AcknowledgeRequest {
            subscription: subscription.to_owned(),
            ack_ids: received.iter().map(|it| it.ack_id.clone()).collect(),
        };
        self.grpc::<()>("Acknowledge", &request).await.unwrap();
    }

    pub(super) async fn nack(&self, subscription: &str, received: &[proto::ReceivedMessage]) {
        let request = proto::ModifyAckDeadlineRequest {
            subscription: subscription.to_owned(),
            ack_ids: received.iter().map(|it| it.ack_id.clone()).collect(),
            ack_deadline_seconds: 0,
        };
        self.grpc::<()>("ModifyAckDeadline", &request)
            .await
            .unwrap();
    }

    /// The counts of one subscription.
    pub(super) fn stats(&self, subscription: &str) -> SubscriptionStats {
        let stats = self.0.0.read(super::control::stats);
        let mut all = stats.subscriptions.into_iter();
        all.find(|it| it.name == subscription).unwrap()
    }

    /// Waits until a subscription has no messages left.
    pub(super) async fn drained(&self, subscription: &str) {
        until(|| self.stats(subscription).undelivered == 0).await;
    }
}

/// An open stream of messages.
pub(super) struct Flow {
    head: Option<Code>,
    body: Body,
    buffer: Vec<u8>,
    sender: tokio::sync::mpsc::UnboundedSender<Result<Bytes, Code>>,
}

impl Flow {
    pub(super) fn send(&self, request: &proto::StreamingPullRequest) {
        self.sender.send(Ok(frame(request))).unwrap();
    }

    /// The next answer, or the code with which the stream ended.
    pub(super) async fn next(&mut self) -> Result<proto::StreamingPullResponse, Code> {
        if let Some(code) = self.head {
            return Err(code);
        }
        loop {
            if let Some(length) = self.buffer.get(1..5) {
                let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.buffer.len() >= 5 + length {
                    let rest = self.buffer.split_off(5 + length);
                    let whole = std::mem::replace(&mut self.buffer, rest);
                    return Ok(prost::Message::decode(&whole[5..]).unwrap());
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            match frame.expect("an answer on the stream").unwrap().unwrap() {
                frame if frame.is_data() => self.buffer.extend(frame.into_data().unwrap()),
                frame => return Err(code(&frame.into_trailers().unwrap()).unwrap()),
            }
        }
    }

    /// The texts and ack ids of the next messages, heartbeats left out.
    pub(super) async fn texts(&mut self) -> (Vec<String>, Vec<String>) {
        loop {
            let response = self.next().await.unwrap();
            if !response.received_messages.is_empty() {
                let ack_ids = response
                    .received_messages
                    .iter()
                    .map(|it| it.ack_id.clone());
                return (texts(&response.received_messages), ack_ids.collect());
            }
        }
    }
}

/// The messages' data as text.
pub(super) fn texts(received: &[proto::ReceivedMessage]) -> Vec<String> {
    let data = received
        .iter()
        .map(|it| it.message.as_ref().unwrap().data.clone());
    data.map(|data| String::from_utf8(data).unwrap()).collect()
}

/// Waits until `state` holds.
pub(super) async fn until(state: impl Fn() -> bool) {
    let wait = async {
        while !state() {
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the state within the limit");
}

fn frame(message: &impl prost::Message) -> Bytes {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    frame.extend(message.encode_to_vec());
    frame.into()
}

fn request(method: &str, body: impl Into<Body>) -> http::Request<Body> {
    http::Request::post(format!("/google.pubsub.v1.Publisher/{method}"))
        .header("content-type", "application/grpc")
        .body(body.into())
        .unwrap()
}

fn code(headers: &http::HeaderMap) -> Option<Code> {
    let status = headers.get("grpc-status")?;
    Some(Code::from_bytes(status.as_bytes()))
}
