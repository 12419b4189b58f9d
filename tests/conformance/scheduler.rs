//! Cloud Scheduler through REST: a job publishes to its topic when it is due.

use serde_json::{Value, json};
use system_tests::wait;

use crate::target::SuiteTarget;

/// A minute takes a fifth of a second.
const SPEED: f64 = 300.0;

/// A topic, and a job that publishes to it every minute.
async fn ticking() -> SuiteTarget {
    let target = SuiteTarget::ours(SPEED).await;
    let project = format!("/v1/projects/{}", target.project);
    let topic = format!("projects/{}/topics/tick", target.project);
    target.done("PUT", &format!("/v1/{topic}"), json!({})).await;
    let subscription = format!("{project}/subscriptions/subscriber");
    target
        .done("PUT", &subscription, json!({ "topic": topic }))
        .await;
    let (status, job) = target.call("POST", &jobs(&target), job(&target)).await;
    assert_eq!(
        (status, job["state"].as_str()),
        (200, Some("ENABLED")),
        "{job}"
    );
    target
}

fn jobs(target: &SuiteTarget) -> String {
    format!("/v1/projects/{}/locations/us-central1/jobs", target.project)
}

fn job(target: &SuiteTarget) -> Value {
    json!({
        "name": format!("projects/{}/locations/us-central1/jobs/tick", target.project),
        "schedule": "* * * * *",
        "timeZone": "Etc/UTC",
        "pubsubTarget": {
            "topicName": format!("projects/{}/topics/tick", target.project),
            "data": "e30=",
            "attributes": { "a": "b" },
        },
    })
}

/// Pulls and acknowledges a tick.
async fn tick(target: &SuiteTarget) -> Value {
    let subscriber = format!("/v1/projects/{}/subscriptions/subscriber", target.project);
    let pull = json!({ "maxMessages": 1, "returnImmediately": true });
    let received = wait::until("a tick", &(), async || {
        let pulled = target
            .done("POST", &format!("{subscriber}:pull"), pull.clone())
            .await;
        pulled["receivedMessages"].get(0).cloned().ok_or(pulled)
    })
    .await;
    let acknowledge = json!({ "ackIds": [received["ackId"]] });
    target
        .done("POST", &format!("{subscriber}:acknowledge"), acknowledge)
        .await;
    received["message"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_publishes_every_minute() {
    let target = ticking().await;
    let first = tick(&target).await;
    assert_eq!(first["data"], "e30=");
    assert_eq!(first["attributes"]["a"], "b");
    let second = tick(&target).await;
    assert_ne!(first["messageId"], second["messageId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_job_publishes_only_when_run_by_hand() {
    let target = ticking().await;
    let name = format!("{}/tick", jobs(&target));
    let paused = target
        .done("POST", &format!("{name}:pause"), json!({}))
        .await;
    assert_eq!(paused["state"], "PAUSED");
    let run = target.done("POST", &format!("{name}:run"), json!({})).await;
    assert!(run["lastAttemptTime"].is_string(), "{run}");
    tick(&target).await;
    let resumed = target
        .done("POST", &format!("{name}:resume"), json!({}))
        .await;
    assert_eq!(resumed["state"], "ENABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_once_and_can_be_deleted() {
    let target = ticking().await;
    let again = target.call("POST", &jobs(&target), job(&target)).await;
    assert_eq!(
        (again.0, again.1["error"]["status"].as_str()),
        (409, Some("ALREADY_EXISTS"))
    );
    let name = format!("{}/tick", jobs(&target));
    target.done("DELETE", &name, Value::Null).await;
    let gone = target.call("GET", &name, Value::Null).await;
    assert_eq!(
        (gone.0, gone.1["error"]["status"].as_str()),
        (404, Some("NOT_FOUND"))
    );
}
