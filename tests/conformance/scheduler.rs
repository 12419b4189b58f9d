//! Cloud Scheduler by REST: a job tells its topic when it is due.

use serde_json::{Value, json};
use system_tests::wait;

use crate::stand::Stand;

/// A minute takes a fifth of a second.
const SPEED: f64 = 300.0;

/// A topic, and a job that tells it each minute.
async fn ticking() -> Stand {
    let stand = Stand::ours(SPEED).await;
    let project = format!("/v1/projects/{}", stand.project);
    let topic = format!("projects/{}/topics/tick", stand.project);
    stand.done("PUT", &format!("/v1/{topic}"), json!({})).await;
    let subscription = format!("{project}/subscriptions/hearer");
    stand
        .done("PUT", &subscription, json!({ "topic": topic }))
        .await;
    let (status, job) = stand.call("POST", &jobs(&stand), job(&stand)).await;
    assert_eq!(
        (status, job["state"].as_str()),
        (200, Some("ENABLED")),
        "{job}"
    );
    stand
}

fn jobs(stand: &Stand) -> String {
    format!("/v1/projects/{}/locations/us-central1/jobs", stand.project)
}

fn job(stand: &Stand) -> Value {
    json!({
        "name": format!("projects/{}/locations/us-central1/jobs/tick", stand.project),
        "schedule": "* * * * *",
        "timeZone": "Etc/UTC",
        "pubsubTarget": {
            "topicName": format!("projects/{}/topics/tick", stand.project),
            "data": "e30=",
            "attributes": { "a": "b" },
        },
    })
}

/// Pulls and acknowledges a tick.
async fn tick(stand: &Stand) -> Value {
    let hearer = format!("/v1/projects/{}/subscriptions/hearer", stand.project);
    let pull = json!({ "maxMessages": 1, "returnImmediately": true });
    let received = wait::until("a tick", &(), async || {
        let pulled = stand
            .done("POST", &format!("{hearer}:pull"), pull.clone())
            .await;
        pulled["receivedMessages"].get(0).cloned().ok_or(pulled)
    })
    .await;
    let acknowledge = json!({ "ackIds": [received["ackId"]] });
    stand
        .done("POST", &format!("{hearer}:acknowledge"), acknowledge)
        .await;
    received["message"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_tells_its_topic_each_minute() {
    let stand = ticking().await;
    let first = tick(&stand).await;
    assert_eq!(first["data"], "e30=");
    assert_eq!(first["attributes"]["a"], "b");
    let second = tick(&stand).await;
    assert_ne!(first["messageId"], second["messageId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_job_is_still_and_can_be_run_by_hand() {
    let stand = ticking().await;
    let name = format!("{}/tick", jobs(&stand));
    let paused = stand
        .done("POST", &format!("{name}:pause"), json!({}))
        .await;
    assert_eq!(paused["state"], "PAUSED");
    let run = stand.done("POST", &format!("{name}:run"), json!({})).await;
    assert!(run["lastAttemptTime"].is_string(), "{run}");
    tick(&stand).await;
    let resumed = stand
        .done("POST", &format!("{name}:resume"), json!({}))
        .await;
    assert_eq!(resumed["state"], "ENABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_exists_once_and_then_no_more() {
    let stand = ticking().await;
    let again = stand.call("POST", &jobs(&stand), job(&stand)).await;
    assert_eq!(
        (again.0, again.1["error"]["status"].as_str()),
        (409, Some("ALREADY_EXISTS"))
    );
    let name = format!("{}/tick", jobs(&stand));
    stand.done("DELETE", &name, Value::Null).await;
    let gone = stand.call("GET", &name, Value::Null).await;
    assert_eq!(
        (gone.0, gone.1["error"]["status"].as_str()),
        (404, Some("NOT_FOUND"))
    );
}
