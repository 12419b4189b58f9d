//! Messages that no function of ours published: undecodable ones become dead letters, decodable ones
//! about missing things are acknowledged, and the next upload is processed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{google::documents::Document, run::Run};
use system_tests::{
    harness::{Harness, Setup},
    wait,
};

use crate::{PROGRAM, rows};

/// The document `incidents/{id}`, read without the types of `early-stop`.
#[derive(Debug, Serialize, Deserialize)]
struct IncidentRecord {
    incident: String,
    run: Option<String>,
    outcome: String,
}

impl Document for IncidentRecord {
    const COLLECTION: &'static str = "incidents";
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecodable_message_becomes_a_dead_letter_and_delays_nothing() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let topology = harness.stack.topology();
    let consumed: BTreeSet<(String, &str)> = topology
        .subscriptions()
        // The content of a tick is not decoded, and an alert of any form is read.
        .filter(|(_, topic, ..)| !["tick", "alert"].contains(topic))
        .map(|(name, topic, ..)| (name, topic))
        .collect();
    let topics: BTreeSet<&str> = consumed.iter().map(|(_, topic)| *topic).collect();
    for topic in topics {
        harness.publish(topic, b"not JSON", &json!({})).await;
    }
    // At the same time, not after the dead letters.
    let upload = harness
        .drop_rows("good", "[tune]\nepochs = 1", &rows(60))
        .await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness
        .run_from(&upload, "a good upload to end", is_final)
        .await;
    harness.decision(&run.id).await;
    wait::until("the dead letters", &harness, async || {
        let dead = harness.backlog("dead-letters-pull").await;
        if usize::try_from(dead) == Ok(consumed.len()) {
            Ok(())
        } else {
            Err(dead)
        }
    })
    .await;
    harness.settled().await;
    let sources: BTreeSet<String> = dead_letters(&harness)
        .await
        .iter()
        .map(|letter| {
            assert_eq!(letter["data"], "bm90IEpTT04=", "unchanged");
            let source = &letter["attributes"]["CloudPubSubDeadLetterSourceSubscription"];
            source.as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        sources,
        consumed.into_iter().map(|(name, _)| name).collect()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_about_a_missing_run_is_acknowledged() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let missing = json!({ "run": "missing-a-b" }).to_string();
    for topic in [
        "run-approved",
        "run-awaits-approval",
        "run-unhealthy",
        "run-finished",
        "run-evaluated",
    ] {
        harness.publish(topic, missing.as_bytes(), &json!({})).await;
    }
    let version = json!({ "version": "missing-a" }).to_string();
    harness
        .publish("dataset-cleaned", version.as_bytes(), &json!({}))
        .await;
    for (id, state, labels) in [
        ("0.unknown", "open", json!({ "run_id": "missing-a-b" })),
        ("0.closed", "closed", json!({ "run_id": "missing-a-b" })),
        // As Monitoring sends a test notification.
        ("0.test", "open", json!({})),
    ] {
        let alert = alert(id, state, &labels).to_string();
        harness.publish("alert", alert.as_bytes(), &json!({})).await;
        // A notification that arrives twice is recorded once.
        harness.publish("alert", alert.as_bytes(), &json!({})).await;
    }
    let deleted = json!({ "eventType": "OBJECT_FINALIZE", "bucketId": "lapidary-local-uploads",
        "objectId": "gone/data.jsonl", "objectGeneration": "7" });
    harness.publish("object-finalized", b"{}", &deleted).await;
    harness.settled().await;
    let mut incidents: Vec<IncidentRecord> = harness.all("at").await;
    incidents.sort_by(|a, b| a.incident.cmp(&b.incident));
    let found: Vec<(&str, Option<&str>)> = incidents
        .iter()
        .map(|record| (record.incident.as_str(), record.run.as_deref()))
        .collect();
    let missing = Some("missing-a-b");
    let expected = [
        ("0.closed", missing),
        ("0.test", None),
        ("0.unknown", missing),
    ];
    assert_eq!(found, expected, "{incidents:#?}");
    for (record, word) in incidents
        .iter()
        .zip(["closed", "no label `run_id`", "does not exist"])
    {
        assert!(record.outcome.contains(word), "{record:?}");
    }
    let uploads: Vec<shared::dataset::Upload> = harness.all("at").await;
    assert_eq!(uploads[0].outcome, shared::dataset::UploadOutcome::Gone);
    assert!(harness.runs().await.is_empty() && harness.jobs().await.is_empty());
    harness.assert_quiet().await;
}

/// A notification of Cloud Monitoring, schema 1.2.
fn alert(id: &str, state: &str, labels: &Value) -> Value {
    json!({
        "version": "1.2",
        "incident": {
            "incident_id": id,
            "state": state,
            "policy_name": "run-unhealthy",
            "summary": "a summary",
            "metric": { "type": "logging.googleapis.com/user/lapidary/run_findings", "labels": labels },
            "ended_at": null,
        },
    })
}

/// The dead letters, pulled as a person pulls them.
async fn dead_letters(harness: &Harness) -> Vec<Value> {
    let host = harness.address("PUBSUB_EMULATOR_HOST");
    let project = harness.address("GOOGLE_CLOUD_PROJECT");
    let url = format!("http://{host}/v1/projects/{project}/subscriptions/dead-letters-pull:pull");
    let pull = harness.http.post(url).json(&json!({ "maxMessages": 100 }));
    let pulled: Value = pull.send().await.unwrap().json().await.unwrap();
    let pulled = pulled["receivedMessages"].as_array().unwrap().clone();
    pulled
        .into_iter()
        .map(|received| received["message"].clone())
        .collect()
}
