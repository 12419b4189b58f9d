//! Incidents of any shape, and any number of them, lead to one decision.

use std::cell::Cell;

use futures::future;
use serde_json::{Value, json};
use shared::{id::RunId, run::State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::VertexProxy,
    wait,
};

use super::{RECIPE, fields, rows, running, start, text};

/// Deliveries of one incident.
const TIMES: usize = 500;
/// Calls to Vertex AI that one incident is worth: the job, the way to its curve in three calls, all its series;
/// and the same again, where the first delivery is answered too late.
const CALLS_MAX: usize = 10;

/// A notification of Cloud Monitoring, schema 1.2.
fn incident(id: &str, run: &RunId) -> Value {
    json!({
        "version": "1.2",
        "incident": {
            "incident_id": id,
            "state": "open",
            "policy_name": "run-unhealthy",
            "summary": "a summary",
            "started_at": 1_790_000_000,
            "metric": {
                "type": "logging.googleapis.com/user/lapidary/run_findings",
                "labels": { "run_id": run.as_str(), "finding": "diverged" },
            },
            "ended_at": null,
        },
    })
}

/// A system with a healthy job that runs for hours, and no more ticks.
async fn with_a_job() -> (Harness, VertexProxy, RunId) {
    let (harness, proxy) = start(Setup::default(), 1_800.0, &[]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await;
    harness.watched(30).await;
    let scheduler = harness.address("SCHEDULER_ENDPOINT");
    let project = harness.address("GOOGLE_CLOUD_PROJECT");
    let tick = format!("{scheduler}/v1/projects/{project}/locations/us-central1/jobs/tick");
    let paused = harness.http.post(format!("{tick}:pause")).send().await;
    let paused = paused.expect("an answer");
    assert!(paused.status().is_success(), "{paused:?}");
    idle(&harness, &proxy).await;
    (harness, proxy, run.id)
}

/// Waits until the last tick has been handled: no call comes any more.
async fn idle(harness: &Harness, proxy: &VertexProxy) {
    harness.settled().await;
    wait::until("the last tick", harness, async || {
        let ticks = harness.backlog("watch-on-tick").await;
        if ticks == 0 { Ok(()) } else { Err(ticks) }
    })
    .await;
    // Seen at many polls in a row: a tick that is under way may pause between two calls.
    let (before, same) = (Cell::new(0), Cell::new(0_u32));
    wait::until("no more calls", harness, || {
        let calls = proxy.count(|_| true);
        let is_same = before.replace(calls) == calls;
        same.set(if is_same { same.get() + 1 } else { 0 });
        std::future::ready(if same.get() > 50 { Ok(()) } else { Err(calls) })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_incident_that_comes_500_times_is_looked_at_once() {
    let (harness, proxy, run) = with_a_job().await;
    let before = proxy.count(|_| true);
    let alert = incident("0.repeated", &run).to_string();
    let no_attributes = json!({});
    let published = (0..TIMES).map(|_| harness.publish("alert", alert.as_bytes(), &no_attributes));
    future::join_all(published).await;
    harness.settled().await;
    let calls = proxy.count(|_| true) - before;
    assert!(calls > 0, "it was looked at");
    assert!(calls <= CALLS_MAX, "{calls} calls for {TIMES} deliveries");
    assert_eq!(proxy.cancels(), 0, "the run is healthy");
    let fields = fields(&harness, &run).await;
    assert_eq!(text(&fields["state"]), State::Running.as_str());
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_of_any_shape_are_read() {
    let (harness, proxy, run) = with_a_job().await;
    let mut shapes = Vec::new();
    for pointer in [
        "/incident/metric",
        "/incident/metric/labels",
        "/incident/state",
        "/incident/policy_name",
        "/incident/summary",
        "/incident/incident_id",
        "/incident/started_at",
    ] {
        let mut shape = incident(&format!("0.null{}", pointer.replace('/', ".")), &run);
        *shape.pointer_mut(pointer).expect("a member") = Value::Null;
        shapes.push(shape);
    }
    let mut numbers = incident("0.numbers", &run);
    numbers["incident"]["metric"]["labels"]["threshold"] = json!(1.5);
    numbers["incident"]["condition"] = Value::Null;
    shapes.push(numbers);
    let mut stateless = incident("0.stateless", &run);
    let members = stateless["incident"].as_object_mut().expect("an object");
    members.remove("state");
    shapes.push(stateless);
    shapes.extend([
        json!({ "version": "1.2", "incident": null }),
        json!({}),
        json!(null),
        json!([1, 2]),
        json!({ "incident": { "incident_id": "1", "state": null, "metric": null } }),
        json!({ "incident": { "incident_id": 2, "metric": { "labels": { "run_id": 7 } } } }),
        json!({ "incident": { "state": "open", "metadata": { "user_labels": null } } }),
    ]);
    for shape in &shapes {
        let data = shape.to_string();
        harness.publish("alert", data.as_bytes(), &json!({})).await;
    }
    let deep = "[".repeat(20_000);
    for bytes in [b"\xff\xfe{".as_slice(), b"{", deep.as_bytes()] {
        harness.publish("alert", bytes, &json!({})).await;
    }
    harness.settled().await;
    let dead = harness.backlog("dead-letters-pull").await;
    assert_eq!(dead, 0, "an odd form makes no dead letter");
    assert_eq!(proxy.cancels(), 0);
}
