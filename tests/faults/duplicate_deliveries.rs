//! The promise: Pub/Sub may deliver a message any number of times, concurrently and in any order, and
//! its work is done once.

use shared::evaluation::EvaluationRecord;
use system_tests::faults::chain::{TestChain, setup};

use crate::PROGRAM;

/// Runs the chain with `copies` extra deliveries of every message of `subscription`.
async fn check(subscription: &str, copies: u32, reverse: bool) {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let faults = &chain.harness.faults;
    faults.duplicate(subscription, copies, reverse).await;
    let upload = chain.upload().await;
    let _ended = chain.ends_once(&upload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_delivered_twice_has_one_effect() {
    check("*", 1, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_delivered_twice_in_reverse_order_has_one_effect() {
    check("*", 1, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_concurrent_deliveries_of_an_upload_are_one_version() {
    let subscription = "projects/lapidary-local/subscriptions/clean-on-object-finalized";
    check(subscription, 7, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_concurrent_deliveries_of_an_approval_are_one_job() {
    let subscription = "projects/lapidary-local/subscriptions/tune-on-run-approved";
    check(subscription, 7, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_concurrent_deliveries_of_a_finished_run_ask_each_model_once() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let faults = &chain.harness.faults;
    let subscription = "projects/lapidary-local/subscriptions/evaluate-on-run-finished";
    faults.duplicate(subscription, 7, false).await;
    let answers = chain.slow_answers().await;
    let upload = chain.upload().await;
    let run = chain.ends_once(&upload).await.run.id;
    let record: EvaluationRecord = chain.harness.document("the evaluation", run.as_str()).await;
    let asked = faults.fired(&answers).await;
    assert_eq!(
        asked,
        2 * record.evaluation.rows,
        "no answer is paid for twice"
    );
}
