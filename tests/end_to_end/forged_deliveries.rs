//! Deliveries that do not come from our Pub/Sub: rejected before anything is read or written.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use system_tests::harness::{Harness, Setup};

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn an_unauthenticated_push_is_rejected_and_writes_nothing() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let before = harness.faults.journal().await.len();
    let topology = harness.stack.topology();
    for (name, topic, function, path) in topology.subscriptions() {
        let variable = format!("{}_URL", function.to_uppercase().replace('-', "_"));
        let environment = harness.stack.environment();
        let url = format!("{}{path}", environment[&variable]);
        for (what, header) in headers(&harness, function).await {
            let mut push = harness.http.post(&url).json(&envelope(&name, topic));
            if let Some(header) = &header {
                push = push.header("authorization", header);
            }
            let answer = push.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{topic} to {function}, {what}");
            let body = answer.text().await.unwrap();
            assert!(body.contains("\"code\":\"unauthenticated\""), "{body}");
        }
    }
    let journal = harness.faults.journal().await;
    let written: Vec<&Value> = journal[before..]
        .iter()
        .filter(|entry| entry["caller"] != "main")
        // What watch writes at a tick is not the effect of a delivery.
        .filter(|entry| !entry.to_string().contains(" watermarks "))
        .collect();
    assert!(written.is_empty(), "{written:#?}");
    harness.assert_quiet().await;
}

/// What an attacker could send instead of a valid token.
async fn headers(harness: &Harness, function: &str) -> Vec<(&'static str, Option<String>)> {
    let audience = format!("https://{function}.lapidary-local.example");
    let email = format!("push-{function}@lapidary-local.iam.gserviceaccount.com");
    let now = harness.session.clock.now().timestamp();
    let claims = json!({
        "iss": "https://accounts.google.com", "aud": audience, "email": email,
        "email_verified": true, "iat": now, "exp": now + 3_600,
    });
    let certificates = harness.get(harness.address("PUSH_JWKS_URL")).await;
    let key = &certificates["keys"][0]["kid"];
    let token = |header: Value, signature: &str| {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        Some(format!(
            "Bearer {}.{}.{signature}",
            part(&header),
            part(&claims)
        ))
    };
    let forged = BASE64_URL_SAFE_NO_PAD.encode([7_u8; 256]);
    let known = json!({ "alg": "RS256", "kid": key, "typ": "JWT" });
    let unknown = json!({ "alg": "RS256", "kid": "another", "typ": "JWT" });
    let unsigned = json!({ "alg": "none", "typ": "JWT" });
    vec![
        ("no token", None),
        ("no bearer token", Some("Basic eDp5".to_owned())),
        ("a forged signature", token(known.clone(), &forged)),
        ("an unknown key", token(unknown, &forged)),
        ("no signature", token(unsigned, "")),
        // Cloud Run sets this after its own check; there is no Cloud Run in front of this function.
        (
            "a removed signature",
            token(known, "SIGNATURE_REMOVED_BY_GOOGLE"),
        ),
        (
            "another account's token",
            Some(token_of_another_account(harness, &audience).await),
        ),
    ]
}

/// A token of the right key and audience, of a service account that is not Pub/Sub's.
async fn token_of_another_account(harness: &Harness, audience: &str) -> String {
    let metadata = harness.address("GCE_METADATA_HOST");
    let path = "computeMetadata/v1/instance/service-accounts/default/identity";
    let token = harness
        .http
        .get(format!("http://{metadata}/{path}"))
        .query(&[("audience", audience)])
        .header("metadata-flavor", "Google")
        .send()
        .await
        .unwrap();
    assert_eq!(token.status(), 200);
    format!("Bearer {}", token.text().await.unwrap())
}

/// A push of a decodable event, as Pub/Sub sends it.
fn envelope(subscription: &str, topic: &str) -> Value {
    let data = match topic {
        "dataset-cleaned" => json!({ "version": "missing-a" }),
        "alert" => json!({ "incident": { "incident_id": "0.forged", "state": "open" } }),
        _ => json!({ "run": "missing-a-b" }),
    };
    json!({
        "message": {
            "data": base64::prelude::BASE64_STANDARD.encode(data.to_string()),
            "attributes": { "eventType": "OBJECT_FINALIZE", "bucketId": "lapidary-local-uploads",
                "objectId": "forged/data.jsonl", "objectGeneration": "1" },
            "messageId": "1",
            "publishTime": "2026-01-01T00:00:00Z",
        },
        "subscription": format!("projects/lapidary-local/subscriptions/{subscription}"),
    })
}
