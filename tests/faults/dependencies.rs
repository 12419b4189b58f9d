//! The promise: a service that is away for a while delays the chain, and no half of anything is
//! ever taken for the whole.

use serde_json::{Value, json};
use system_tests::faults::chain::{Chain, setup};

use crate::PROGRAM;

/// Runs the chain with `faults` armed, and asserts that each of them struck.
async fn check(faults: &[Value]) {
    let chain = Chain::start(PROGRAM, setup()).await;
    completes(&chain, faults).await;
}

async fn completes(chain: &Chain, faults: &[Value]) {
    let mut armed = Vec::new();
    for fault in faults {
        armed.push((chain.harness.faults.arm(fault).await, fault));
    }
    let upload = chain.upload().await;
    let _ended = chain.ends_once(&upload).await;
    for (id, fault) in armed {
        // A job on a busy machine may end before anybody stops it.
        if fault["caller"] == "early-stop" {
            continue;
        }
        assert!(
            chain.harness.faults.fired(&id).await > 0,
            "never met: {fault}"
        );
    }
}

fn away(caller: &str, path: &str, times: u32) -> Value {
    json!({
        "caller": caller, "path": path, "times": times,
        "action": { "error": { "status": "UNAVAILABLE" } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_refuses_writes_for_a_while_delays_the_chain() {
    check(&[
        away("clean", "/upload/storage/", 6),
        away("evaluate", "/upload/storage/", 2),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_cannot_be_written_for_a_while_delay_the_chain() {
    let writes = ["clean", "tune", "watch", "early-stop", "evaluate", "deploy"].map(|caller| {
        // Reads do not end so.
        let verb = match caller {
            "clean" | "evaluate" => "/CreateDocument$",
            _ => "/UpdateDocument$",
        };
        away(caller, verb, 5)
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
async fn facts_that_cannot_be_told_for_a_while_are_told_later() {
    let publish = ["clean", "tune", "watch", "evaluate", "deploy"]
        .map(|caller| away(caller, "Publisher/Publish$", 2));
    check(&publish).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_cannot_see_the_job_for_a_while_goes_on() {
    let mut look = away("watch", "/tuningJobs/", 20);
    look["method"] = "GET".into();
    check(&[look]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_answer_for_a_while_is_asked_again() {
    check(&[
        away("evaluate", ":generateContent$", 30),
        away("deploy", ":generateContent$", 4),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_publishes_nothing_partial() {
    let truncated = json!({
        "caller": "clean", "query": "alt=media", "method": "GET", "times": 5,
        "action": { "truncate": 100 },
    });
    check(&[truncated]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_tokens_waits_for_them() {
    let mut chain = Chain::start(PROGRAM, setup()).await;
    let refusals = ["clean", "tune"].map(|caller| away(caller, "/token", 3));
    // A function keeps its token: only a new one asks.
    for function in ["clean", "tune"] {
        let killed = chain.harness.stack.kill(function).await;
        killed.expect("it is killed");
    }
    let mut armed = Vec::new();
    for refusal in &refusals {
        armed.push(chain.harness.faults.arm(refusal).await);
    }
    for function in ["clean", "tune"] {
        let started = chain.harness.stack.restart(function).await;
        started.expect("it starts");
    }
    completes(&chain, &[]).await;
    for id in armed {
        assert!(chain.harness.faults.fired(&id).await > 0, "nobody asked");
    }
}
