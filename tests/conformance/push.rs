//! Pub/Sub push: the envelope, the token, and which answers acknowledge. Only against our emulator:
//! Google's sends no token, and only half of the envelope.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use system_tests::wait;

use crate::target::SuiteTarget;

const ACCOUNT: &str = "push@conform.iam.gserviceaccount.com";
const AUDIENCE: &str = "https://subscriber.example";
/// Fast, because the minimum backoff between two deliveries is a whole second.
const SPEED: f64 = 20.0;

/// An endpoint that answers with the given statuses, then 204.
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    async fn answering(answers: &[u16]) -> Self {
        let came = Arc::new(Mutex::new(Vec::new()));
        let answers = Mutex::new(VecDeque::from(answers.to_vec()));
        let seen = Arc::clone(&came);
        let answer = move |headers: HeaderMap, body: Bytes| {
            seen.lock().unwrap().push((headers, body));
            let status = answers.lock().unwrap().pop_front().unwrap_or(204);
            std::future::ready(StatusCode::from_u16(status).unwrap())
        };
        let answer = Arc::new(answer);
        let app = Router::new().fallback(move |headers, body| {
            let answer = Arc::clone(&answer);
            answer(headers, body)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, came }
    }

    /// Waits for `count` deliveries.
    async fn came(&self, count: usize) -> Vec<(HeaderMap, Value)> {
        wait::until("deliveries", &(), async || {
            let came = self.came.lock().unwrap();
            if came.len() < count {
                return Err(came.len());
            }
            let parse = |(headers, body): &(HeaderMap, Bytes)| {
                (headers.clone(), serde_json::from_slice(body).unwrap())
            };
            Ok(came.iter().map(parse).collect())
        })
        .await
    }
}

/// Pushes one message to `receiver`.
async fn push(receiver: &Receiver) -> SuiteTarget {
    let target = SuiteTarget::ours(SPEED).await;
    let project = format!("/v1/projects/{}", target.project);
    let name = |kind: &str, id: &str| format!("projects/{}/{kind}/{id}", target.project);
    let topic = format!("{project}/topics/events");
    target.done("PUT", &topic, json!({})).await;
    let subscription = json!({
        "topic": name("topics", "events"),
        "enableMessageOrdering": true,
        "pushConfig": {
            "pushEndpoint": receiver.url,
            "oidcToken": { "serviceAccountEmail": ACCOUNT, "audience": AUDIENCE },
        },
        "retryPolicy": { "minimumBackoff": "1s", "maximumBackoff": "2s" },
        "deadLetterPolicy": {
            "deadLetterTopic": name("topics", "events"),
            "maxDeliveryAttempts": 20,
        },
    });
    let path = format!("{project}/subscriptions/subscriber");
    target.done("PUT", &path, subscription).await;
    let message = json!({
        "data": BASE64_STANDARD.encode("{}"),
        "attributes": { "ce-id": "1" },
        "orderingKey": "run",
    });
    let publish = format!("{topic}:publish");
    target
        .done("POST", &publish, json!({ "messages": [message] }))
        .await;
    target
}

#[tokio::test(flavor = "multi_thread")]
async fn the_envelope_has_every_field_in_both_spellings() {
    let receiver = Receiver::answering(&[]).await;
    let target = push(&receiver).await;
    let (headers, body) = receiver.came(1).await.remove(0);
    assert_eq!(headers["content-type"], "application/json");
    let id = &body["message"]["messageId"];
    let time = &body["message"]["publishTime"];
    assert!(id.is_string() && time.is_string(), "{body}");
    let expected = json!({
        "message": {
            "attributes": { "ce-id": "1" },
            "data": "e30=",
            "messageId": id,
            "message_id": id,
            "orderingKey": "run",
            "publishTime": time,
            "publish_time": time,
        },
        "deliveryAttempt": 1,
        "subscription": format!("projects/{}/subscriptions/subscriber", target.project),
    });
    assert_eq!(body, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_signed_by_a_published_key() {
    let receiver = Receiver::answering(&[]).await;
    let target = push(&receiver).await;
    let (headers, _) = receiver.came(1).await.remove(0);
    let token = headers["authorization"].to_str().unwrap();
    let token = token.strip_prefix("Bearer ").unwrap();
    let keys: JwkSet = target
        .http
        .get(target.address("PUSH_JWKS_URL"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&["https://accounts.google.com"]);
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation);
    let claims = claims.unwrap().claims;
    assert_eq!(claims["email"], ACCOUNT);
    assert_eq!(claims["email_verified"], true);
    let (from, to) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    assert_eq!(to.unwrap() - from.unwrap(), 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_success_ends_a_delivery() {
    let receiver = Receiver::answering(&[500, 503, 400, 429, 301]).await;
    let target = push(&receiver).await;
    let came = receiver.came(6).await;
    for ((_, body), attempt) in came.iter().zip(1..) {
        assert_eq!(body["deliveryAttempt"], attempt, "{body}");
        assert_eq!(body["message"], came[0].1["message"]);
    }
    wait::until("an empty subscription", &(), async || {
        let all = target.done("GET", "/emulator/pubsub", Value::Null).await;
        let left = all["subscriptions"][0]["undelivered"].clone();
        if left == 0 { Ok(()) } else { Err(all) }
    })
    .await;
    assert_eq!(
        receiver.came(6).await.len(),
        6,
        "it was redelivered after 204"
    );
}
