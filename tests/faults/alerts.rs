//! The promise: alerts of any shape and number lead to one look at a time, and to no dead letter.

use futures::future;
use serde_json::{Value, json};
use system_tests::faults::chain::{TestChain, setup};

use crate::PROGRAM;

fn incident(run: &str) -> Value {
    json!({ "version": "1.2", "incident": {
        "incident_id": "0.storm", "state": "open", "policy_name": "run-unhealthy",
        "metric": { "labels": { "run_id": run } },
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_incident_five_hundred_times_is_a_few_calls() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let harness = &chain.harness;
    // Slow, so that the run is live all the time.
    harness
        .faults
        .set_vertex(&json!({ "seconds_per_step": 600.0 }))
        .await;
    let run = chain.submitted().await;
    // Counts the looks: each begins with a read of the job.
    let looks = json!({
        "caller": "early-stop", "method": "GET", "path": "/tuningJobs/", "times": 100_000,
        "action": { "delay_ms": 1 },
    });
    let looks = harness.faults.arm(&looks).await;
    let alert = incident(run.id.as_str()).to_string();
    let no_attributes = json!({});
    let published = (0..500).map(|_| harness.publish("alert", alert.as_bytes(), &no_attributes));
    future::join_all(published).await;
    harness.settled().await;
    let looks = harness.faults.fired(&looks).await;
    // One each simulated minute, a fifth of a second, until the first has recorded that it is handled.
    assert!((1..=25).contains(&looks), "{looks} looks");
    assert_eq!(harness.backlog("dead-letters-pull").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_of_any_shape_is_acknowledged() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let harness = &chain.harness;
    for body in [
        json!({}),
        json!(null),
        json!([1, 2]),
        json!({ "incident": null }),
        json!({ "incident": { "incident_id": "1", "state": null, "metric": null } }),
        json!({ "incident": { "incident_id": 2, "metric": { "labels": { "run_id": 7 } } } }),
        json!({ "incident": { "state": "open", "metadata": { "user_labels": null } } }),
    ] {
        let data = body.to_string();
        harness.publish("alert", data.as_bytes(), &json!({})).await;
    }
    harness.assert_quiet().await;
}
