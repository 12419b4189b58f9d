//! The promise: a function that gets SIGTERM ends before Cloud Run kills it, and unfinished work is
//! redelivered.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::{
    faults::chain::{TestChain, setup},
    wait::AbleTime,
};

use crate::PROGRAM;

/// Cloud Run kills a container this long after SIGTERM.
const KILLED_AFTER: Duration = Duration::from_secs(10);

/// Ends `function` while it hangs in the call that `fault` holds.
async fn check(function: &'static str, mut fault: Value) {
    let mut chain = TestChain::start(PROGRAM, setup()).await;
    fault["caller"] = function.into();
    fault["action"] = json!({ "hold": "before" });
    let fault = chain.harness.faults.arm(&fault).await;
    let upload = chain.upload().await;
    chain.harness.faults.held(&fault).await;
    let mut able = AbleTime::start();
    let status = chain.harness.stack.terminate(function).await;
    let status = status.expect("an exit status");
    assert!(status.is_some(), "{function} had to be killed");
    let took = able.lap();
    assert!(took < KILLED_AFTER, "{function}: {took:?}");
    chain.harness.faults.clear().await;
    let started = chain.harness.stack.restart(function).await;
    started.expect("the function restarts");
    let _ended = chain.ends_once(&upload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_ends_while_writing_a_file() {
    check(
        "clean",
        json!({ "path": "/upload/storage/", "query": "train.jsonl" }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tune_ends_while_creating_a_job() {
    check("tune", json!({ "path": "/tuningJobs$", "method": "POST" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluate_ends_while_waiting_for_an_answer() {
    check("evaluate", json!({ "path": ":generateContent$" })).await;
}
