//! A release's smoke test of one revision: a push to `/smoke`, answered by a document.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use shared::smoke::SmokeAnswer;
use system_tests::harness::{Harness, Setup};

use crate::PROGRAM;

/// The functions that take pushes, each with its address.
fn pushed(harness: &Harness) -> Vec<(String, String)> {
    let environment = harness.stack.environment();
    let functions = harness.stack.topology().functions.iter();
    let pushed = functions.filter(|(_, function)| !function.path_by_topic.is_empty());
    pushed
        .map(|(name, _)| {
            let variable = format!("{}_URL", name.to_uppercase().replace('-', "_"));
            (name.clone(), environment[&variable].clone())
        })
        .collect()
}

/// Subscribes `function` to its own smoke messages, as a release does.
async fn subscribe(harness: &Harness, id: &str, function: &str, url: &str) -> String {
    let host = harness.address("PUBSUB_EMULATOR_HOST");
    let name = format!("projects/lapidary-local/subscriptions/smoke-{id}");
    let made = harness
        .http
        .put(format!("http://{host}/v1/{name}"))
        .json(&json!({
            "topic": "projects/lapidary-local/topics/smoke",
            "filter": format!("attributes.\"ce-subject\" = \"{id}\""),
            "pushConfig": { "pushEndpoint": format!("{url}/smoke"), "oidcToken": {
                "serviceAccountEmail": format!("push-{function}@lapidary-local.iam.gserviceaccount.com"),
                "audience": format!("https://{function}.lapidary-local.example"),
            }},
        }))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 200, "{:?}", made.text().await);
    format!("http://{host}/v1/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pushed_function_answers_a_smoke_message_with_its_revision() {
    let setup = Setup::default().with("K_REVISION", "revision-7");
    let harness = Harness::start(PROGRAM, setup).await;
    let before = harness.session.clock.now();
    for (function, url) in pushed(&harness) {
        let id = format!("test-{function}");
        let subscription = subscribe(&harness, &id, &function, &url).await;
        let attributes = json!({ "ce-type": "dev.lapidary.smoke.v1", "ce-subject": id });
        // The message of another release is filtered out.
        let other = json!({ "ce-type": "dev.lapidary.smoke.v1", "ce-subject": "another" });
        harness
            .publish("smoke", br#"{"id":"another"}"#, &other)
            .await;
        let data = json!({ "id": id }).to_string();
        harness.publish("smoke", data.as_bytes(), &attributes).await;
        let answer: SmokeAnswer = harness
            .document("the answer", &format!("{id}-{function}"))
            .await;
        assert_eq!(answer.revision, "revision-7", "{function}");
        assert!(answer.at > before);
        let kept = answer.expire_at.0.as_second() - answer.at.timestamp();
        assert_eq!(kept, 7 * 24 * 3_600, "{function}");
        let documents = &harness.session.documents;
        let stray = documents
            .get::<SmokeAnswer>(&format!("another-{function}"))
            .await;
        assert!(stray.unwrap().is_none(), "{function}");
        let gone = harness.http.delete(&subscription).send().await.unwrap();
        assert_eq!(gone.status(), 200);
    }
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_smoke_message_leaves_no_document() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let data = BASE64_STANDARD.encode(json!({ "id": "forged" }).to_string());
    let envelope: Value = json!({
        "message": { "data": data, "attributes": {}, "messageId": "1" },
        "subscription": "projects/lapidary-local/subscriptions/smoke-forged",
    });
    for (function, url) in pushed(&harness) {
        for header in [None, Some("Bearer a.b.SIGNATURE_REMOVED_BY_GOOGLE")] {
            let mut push = harness.http.post(format!("{url}/smoke")).json(&envelope);
            if let Some(header) = header {
                push = push.header("authorization", header);
            }
            let answer = push.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{function}");
        }
    }
    let answers = harness.all::<SmokeAnswer>("at").await;
    assert!(answers.is_empty(), "{answers:?}");
    // A function without subscriptions has no such route.
    let predict = harness.address("PREDICT_URL");
    let answer = harness
        .http
        .post(format!("{predict}/smoke"))
        .json(&envelope);
    assert_eq!(answer.send().await.unwrap().status(), 404);
}
