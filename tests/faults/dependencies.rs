//! The promise: a service that is unavailable for a while delays the chain, and partial data never
//! counts as complete.

use serde_json::{Value, json};
use system_tests::faults::chain::{TestChain, setup};

use crate::PROGRAM;

/// Runs the chain with `faults` armed, and asserts that each of them fired.
async fn check(faults: &[Value]) {
    let chain = TestChain::start(PROGRAM, setup()).await;
    completes(&chain, faults).await;
}

async fn completes(chain: &TestChain, faults: &[Value]) {
    let mut armed = Vec::new();
    for fault in faults {
        armed.push((chain.harness.faults.arm(fault).await, fault));
    }
    let upload = chain.upload().await;
    let _ended = chain.ends_once(&upload).await;
    for (id, fault) in armed {
        // On a busy machine a job may end before early-stop acts on it.
        if fault["caller"] == "early-stop" {
            continue;
        }
        assert!(
            chain.harness.faults.fired(&id).await > 0,
            "never fired: {fault}"
        );
    }
}

fn unavailable(caller: &str, path: &str, times: u32) -> Value {
    json!({
        "caller": caller, "path": path, "times": times,
        "action": { "error": { "status": "UNAVAILABLE" } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_rejects_writes_for_a_while_delays_the_chain() {
    check(&[
        unavailable("clean", "/upload/storage/", 6),
        unavailable("evaluate", "/upload/storage/", 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_cannot_be_written_for_a_while_delay_the_chain() {
    let writes = ["clean", "tune", "watch", "early-stop", "evaluate", "deploy"].map(|caller| {
        // Reads have other methods.
        let verb = match caller {
            "clean" | "evaluate" => "/CreateDocument$",
            _ => "/UpdateDocument$",
        };
        unavailable(caller, verb, 5)
    });
    check(&writes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_whose_answers_are_lost_are_done_once() {
    let functions = ["clean", "tune", "early-stop", "evaluate", "deploy"];
    let lost: Vec<Value> = functions
        .into_iter()
        .map(|caller| {
            let verb = match caller {
                "early-stop" => "/UpdateDocument$",
                _ => "/CreateDocument$",
            };
            let error = json!({ "status": "UNAVAILABLE", "when": "after" });
            json!({ "caller": caller, "path": verb, "times": 2, "action": { "error": error } })
        })
        .collect();
    check(&lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_published_for_a_while_are_published_later() {
    let publish = ["clean", "tune", "watch", "evaluate", "deploy"]
        .map(|caller| unavailable(caller, "Publisher/Publish$", 2));
    check(&publish).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_cannot_read_the_job_for_a_while_continues() {
    let mut poll = unavailable("watch", "/tuningJobs/", 20);
    poll["method"] = "GET".into();
    check(&[poll]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_answer_for_a_while_is_asked_again() {
    check(&[
        unavailable("evaluate", ":generateContent$", 30),
        unavailable("deploy", ":generateContent$", 4),
    ])
    .await;
}

fn refused(caller: &str, path: &str, status: &str, times: u32) -> Value {
    json!({
        "caller": caller, "path": path, "times": times,
        "action": { "error": { "status": status } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_that_may_not_be_read_for_a_while_holds_nothing_up() {
    check(&[refused("watch", "/contexts/", "PERMISSION_DENIED", 3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_may_not_be_asked_for_a_while_is_not_judged_by_that() {
    check(&[
        // More deliveries than an answer that is merely late is waited for.
        refused("evaluate", ":generateContent$", "PERMISSION_DENIED", 60),
        refused("deploy", ":generateContent$", "PERMISSION_DENIED", 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_there_yet_is_asked_again() {
    check(&[
        refused("evaluate", ":generateContent$", "NOT_FOUND", 8),
        refused("deploy", ":generateContent$", "NOT_FOUND", 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_checkpoint_that_may_not_be_set_keeps_no_model_from_its_users() {
    default_is_refused("PERMISSION_DENIED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_checkpoint_that_cannot_be_set_keeps_no_model_from_its_users() {
    default_is_refused("FAILED_PRECONDITION").await;
}

async fn default_is_refused(status: &str) {
    let mut patch = refused("deploy", "/models/", status, 1_000);
    patch["method"] = "PATCH".into();
    check(&[patch]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_and_documents_that_may_not_be_used_for_a_while_delay_the_chain() {
    check(&[
        refused("clean", "/upload/storage/", "PERMISSION_DENIED", 2),
        refused("evaluate", "/CreateDocument$", "PERMISSION_DENIED", 2),
        refused("tune", "Publisher/Publish$", "PERMISSION_DENIED", 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_download_publishes_nothing_partial() {
    let truncated = json!({
        "caller": "clean", "query": "alt=media", "method": "GET", "times": 5,
        "action": { "truncate": 100 },
    });
    check(&[truncated]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_tokens_waits_for_them() {
    let mut chain = TestChain::start(PROGRAM, setup()).await;
    let faults = ["clean", "tune"].map(|caller| unavailable(caller, "/token", 3));
    // A function caches its token: only a new process requests one.
    for function in ["clean", "tune"] {
        let killed = chain.harness.stack.kill(function).await;
        killed.expect("it is killed");
    }
    let mut armed = Vec::new();
    for fault in &faults {
        armed.push(chain.harness.faults.arm(fault).await);
    }
    for function in ["clean", "tune"] {
        let started = chain.harness.stack.restart(function).await;
        started.expect("it starts");
    }
    completes(&chain, &[]).await;
    for id in armed {
        assert!(
            chain.harness.faults.fired(&id).await > 0,
            "no token was requested"
        );
    }
}
