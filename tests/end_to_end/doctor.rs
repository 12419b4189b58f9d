//! `lapidary doctor` on a laptop's stack: no findings after the start, and findings about what is removed.

use std::process::Output;

use serde_json::{Value, json};
use system_tests::{
    harness::{Harness, Setup},
    person::command,
};

use crate::PROGRAM;

/// Runs the doctor on a stack; gives its exit code and its JSON.
async fn diagnose(harness: &Harness) -> (Option<i32>, Value) {
    let ended = harness.command(PROGRAM, &["doctor", "--json"]).await;
    let Output { status, stdout, .. } = ended;
    let report = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code(), report)
}

/// The result of the check called `name`.
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut all = report["checks"].as_array().into_iter().flatten();
    let found = all.find(|one| one["check"] == name);
    assert!(found.is_some(), "no check {name} in {report:#}");
    found.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_is_healthy_until_something_is_removed() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    let (code, report) = diagnose(&harness).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["project"], "lapidary-local");
    let account = "emulator@lapidary-local.iam.gserviceaccount.com";
    assert_eq!(report["account"], account);
    // Every check is either ok, or skipped because the stack does not have the resource.
    let all = report["checks"].as_array().unwrap();
    for one in all {
        let known = one["status"] == "ok" || one["status"] == "skipped";
        assert!(known, "{one}");
    }
    for name in [
        "topics",
        "bucket uploads",
        "notification of uploads",
        "clean-on-tick",
        "dead letters",
        "schedule tick",
        "function early-stop",
        "job clean-large",
        "documents",
        "metrics",
        "alert run-unhealthy",
    ] {
        assert_eq!(check(&report, name)["status"], "ok", "{name}");
    }
    for name in ["project", "APIs", "database", "GitHub"] {
        let one = check(&report, name);
        assert_eq!(one["status"], "skipped", "{one}");
        assert_eq!(one["message"], "not on this stack");
    }
    remove(&harness).await;
    let (code, report) = diagnose(&harness).await;
    assert_eq!(code, Some(1), "{report:#}");
    let gone = check(&report, "clean-on-tick");
    assert_eq!(gone["status"], "missing");
    let message = gone["message"].as_str().unwrap();
    assert!(
        message.contains("`clean` has no push subscription from `tick`"),
        "{message}"
    );
    assert!(message.contains("lapidary up"), "{message}");
    assert_eq!(check(&report, "schedule tick")["status"], "missing");
    assert_eq!(check(&report, "watch-on-tick")["status"], "ok");
}

/// Deletes a subscription, and pauses the schedule.
async fn remove(harness: &Harness) {
    let host = harness.address("PUBSUB_EMULATOR_HOST");
    let name = "projects/lapidary-local/subscriptions/clean-on-tick";
    let gone = harness.http.delete(format!("http://{host}/v1/{name}"));
    assert_eq!(gone.send().await.unwrap().status(), 200);
    let scheduler = harness.address("SCHEDULER_ENDPOINT");
    let job = "projects/lapidary-local/locations/us-central1/jobs/tick";
    let paused = harness.http.post(format!("{scheduler}/v1/{job}:pause"));
    let paused = paused.json(&json!({})).send().await.unwrap();
    assert_eq!(paused.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_2_if_nothing_can_be_checked() {
    let ended = command(PROGRAM, &["doctor", "--env-file", "no/such/file"]).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(error.contains("cannot read `no/such/file`"), "{error}");
    // Addresses without listeners: there is no metadata server, so there are no credentials.
    let directory = tempfile::tempdir().unwrap();
    let env = directory.path().join("env");
    let nowhere =
        "GOOGLE_CLOUD_PROJECT=p\nGCE_METADATA_HOST=127.0.0.1:1\nPUBSUB_EMULATOR_HOST=127.0.0.1:1\n";
    std::fs::write(&env, nowhere).unwrap();
    let arguments = ["doctor", "--env-file", env.to_str().unwrap()];
    let ended = command(PROGRAM, &arguments).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(error.contains("no credentials"), "{error}");
}
