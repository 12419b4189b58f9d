//! Push, against a receiver on this machine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::{Body, Bytes};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    DeadLetterPolicy, PushConfig, RetryPolicy, Subscription,
    push_config::{AuthenticationMethod, NoWrapper, OidcToken, Wrapper},
};
use http::StatusCode;
use serde_json::Value;
use tokio::{net::TcpListener, time::Instant};

use super::wire::{Wire, until};

/// A received request.
#[derive(Debug, Clone)]
struct Seen {
    at: Instant,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        let json = self.json();
        let data = json["message"]["data"].as_str().unwrap();
        let data = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data);
        String::from_utf8(data.unwrap()).unwrap()
    }
}

/// An endpoint that answers with the given statuses, then always with 204.
#[derive(Debug, Clone, Default)]
struct Receiver {
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    url: String,
}

impl Receiver {
    async fn answering(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/push?x=1", listener.local_addr().unwrap()),
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            ..Self::default()
        };
        let app = {
            let receiver = receiver.clone();
            axum::Router::new().fallback(move |request: http::Request<Body>| {
                let receiver = receiver.clone();
                async move { receiver.take(request).await }
            })
        };
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    async fn take(&self, request: http::Request<Body>) -> http::Response<Body> {
        let (parts, body) = request.into_parts();
        assert_eq!(parts.uri.path_and_query().unwrap(), "/push?x=1");
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        self.seen.lock().unwrap().push(Seen {
            at: Instant::now(),
            headers: parts.headers,
            body,
        });
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(204);
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
            .headers_mut()
            .insert("location", "/elsewhere".parse().unwrap());
        response
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn texts(&self) -> Vec<String> {
        self.seen().iter().map(Seen::text).collect()
    }

    fn push(&self) -> PushConfig {
        PushConfig {
            push_endpoint: self.url.clone(),
            ..Default::default()
        }
    }
}

async fn pushing(
    wire: &Wire,
    receiver: &Receiver,
    change: impl FnOnce(&mut Subscription),
) -> (String, String) {
    let topic = wire.topic("topic").await;
    let push = receiver.push();
    let sub = wire
        .subscription(&topic, "push", |config| {
            config.push_config = Some(push);
            change(config);
        })
        .await;
    (topic, sub)
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

#[tokio::test]
async fn a_push_carries_the_envelope_and_the_token() {
    let wire = Wire::at(1.0);
    let receiver = Receiver::answering(&[]).await;
    let (topic, sub) = pushing(&wire, &receiver, |config| {
        let push = config.push_config.as_mut().unwrap();
        push.authentication_method = Some(AuthenticationMethod::OidcToken(OidcToken {
            service_account_email: "fn".to_owned(),
            audience: String::new(),
        }));
    })
    .await;
    let ids = wire.publish(&topic, &[("hello", "key")]).await;
    wire.drained(&sub).await;
    let seen = receiver.seen().remove(0);
    let expected = format!("Bearer token-of-fn-for-{}", receiver.url);
    assert_eq!(seen.headers["authorization"], expected.as_str());
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers["user-agent"], "CloudPubSub-Google");
    let json = seen.json();
    let time = json["message"]["publishTime"].as_str().unwrap();
    let id = &ids[0];
    let expected = format!(
        r#"{{"message":{{"data":"aGVsbG8=","messageId":"{id}","message_id":"{id}","orderingKey":"key","publishTime":"{time}","publish_time":"{time}"}},"subscription":"{sub}"}}"#
    );
    assert_eq!(String::from_utf8_lossy(&seen.body), expected);
}

#[tokio::test]
async fn an_unwrapped_push_is_the_data() {
    let wire = Wire::at(1.0);
    let receiver = Receiver::answering(&[]).await;
    let (topic, sub) = pushing(&wire, &receiver, |config| {
        let write_metadata = true;
        let wrapper = Wrapper::NoWrapper(NoWrapper { write_metadata });
        config.push_config.as_mut().unwrap().wrapper = Some(wrapper);
    })
    .await;
    wire.publish(&topic, &[("hello", "")]).await;
    wire.drained(&sub).await;
    let seen = receiver.seen().remove(0);
    assert_eq!(seen.body, "hello");
    assert_eq!(
        seen.headers["x-goog-pubsub-subscription-name"],
        sub.as_str()
    );
    assert_eq!(seen.headers["x-goog-pubsub-message-id"], "1");
}

#[tokio::test]
async fn only_the_services_status_codes_acknowledge() {
    let wire = Wire::at(1000.0);
    let refusals = [500, 503, 404, 400, 302, 203, 206];
    let receiver = Receiver::answering(&refusals).await;
    let (topic, sub) = pushing(&wire, &receiver, |_| {}).await;
    wire.publish(&topic, &[("a", "")]).await;
    wire.drained(&sub).await;
    assert_eq!(receiver.seen().len(), refusals.len() + 1);
    for status in [200, 201, 202] {
        receiver.answers.lock().unwrap().push_back(status);
        wire.publish(&topic, &[("b", "")]).await;
        wire.drained(&sub).await;
    }
    assert_eq!(receiver.seen().len(), refusals.len() + 4);
}

#[tokio::test]
async fn the_back_off_grows_in_simulated_time() {
    let wire = Wire::at(200.0);
    let receiver = Receiver::answering(&[500, 500, 500, 500]).await;
    let (topic, sub) = pushing(&wire, &receiver, |config| {
        config.retry_policy = Some(RetryPolicy {
            minimum_backoff: Some(seconds(20)),
            maximum_backoff: Some(seconds(80)),
        });
    })
    .await;
    wire.publish(&topic, &[("a", "")]).await;
    wire.drained(&sub).await;
    let seen = receiver.seen();
    let gaps: Vec<Duration> = seen
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    for (gap, least_ms) in gaps.iter().zip([100, 200, 400, 400]) {
        // A loaded machine may be late, never early (but for the clock's own resolution).
        assert!(*gap >= Duration::from_millis(least_ms - 5), "{gaps:?}");
    }
    assert_eq!(gaps.len(), 4);
}

#[tokio::test]
async fn an_endpoint_that_starts_late_gets_its_messages() {
    let wire = Wire::at(1000.0);
    let receiver = Receiver::answering(&[]).await;
    let (topic, sub) = pushing(&wire, &receiver, |config| {
        // Nothing listens on port 1.
        let url = "http://127.0.0.1:1/push".to_owned();
        config.push_config.as_mut().unwrap().push_endpoint = url;
    })
    .await;
    wire.publish(&topic, &[("a", "")]).await;
    until(|| wire.stats(&sub).delivered > 2).await;
    let modify = super::proto::ModifyPushConfigRequest {
        subscription: sub.clone(),
        push_config: Some(receiver.push()),
    };
    wire.grpc::<()>("ModifyPushConfig", &modify).await.unwrap();
    wire.drained(&sub).await;
    assert_eq!(receiver.texts(), ["a"]);
}

#[tokio::test]
async fn a_poison_message_goes_to_the_dead_letters_with_its_attempts() {
    let wire = Wire::at(1000.0);
    let receiver = Receiver::answering(&[500; 5]).await;
    let dead = wire.topic("dead").await;
    let letters = wire.subscription(&dead, "letters", |_| {}).await;
    let (topic, sub) = pushing(&wire, &receiver, |config| {
        config.dead_letter_policy = Some(DeadLetterPolicy {
            dead_letter_topic: dead,
            max_delivery_attempts: 5,
        });
    })
    .await;
    wire.publish(&topic, &[("poison", "")]).await;
    wire.drained(&sub).await;
    let seen = receiver.seen();
    let attempts: Vec<Value> = seen
        .iter()
        .map(|it| it.json()["deliveryAttempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    assert_eq!(wire.pull_some(&letters).await.len(), 1);
}

#[tokio::test]
async fn a_key_is_pushed_in_order_although_the_first_push_fails() {
    let wire = Wire::at(1000.0);
    let receiver = Receiver::answering(&[500, 500]).await;
    let (topic, sub) = pushing(&wire, &receiver, |config| {
        config.enable_message_ordering = true;
    })
    .await;
    wire.publish(&topic, &[("a", "k"), ("b", "k"), ("c", "k")])
        .await;
    wire.drained(&sub).await;
    assert_eq!(receiver.texts(), ["a", "a", "a", "b", "c"]);
}

#[tokio::test]
async fn every_message_is_pushed_twice_on_request() {
    let wire = Wire::at(1.0);
    let receiver = Receiver::answering(&[]).await;
    let (topic, sub) = pushing(&wire, &receiver, |_| {}).await;
    let ask = serde_json::json!({ "subscription": sub, "times": 1, "every": true });
    wire.rest("POST", "/emulator/pubsub/duplicate", ask).await;
    wire.publish(&topic, &[("a", ""), ("b", "")]).await;
    wire.drained(&sub).await;
    until(|| receiver.seen().len() == 4).await;
    let mut texts = receiver.texts();
    texts.sort();
    assert_eq!(texts, ["a", "a", "b", "b"]);
}

#[tokio::test]
async fn a_thousand_messages_are_pushed() {
    let wire = Wire::at(1.0);
    let receiver = Receiver::answering(&[]).await;
    let (topic, sub) = pushing(&wire, &receiver, |_| {}).await;
    let messages: Vec<(&str, &str)> = std::iter::repeat_n(("m", ""), 1000).collect();
    wire.publish(&topic, &messages).await;
    wire.drained(&sub).await;
    assert_eq!(receiver.seen().len(), 1000);
}
