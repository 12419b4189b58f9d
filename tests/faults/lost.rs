//! The promise: a lost event delays the chain until the next tick of `watch`, and no longer.

use futures::future;
use serde_json::json;
use shared::{
    event::ObjectFinalized,
    run::{Run, State},
};
use system_tests::{
    faults::{
        chain::{MODEL, TestChain, setup},
        crash::CrashKind,
    },
    harness::{Harness, Setup},
    wait,
};

use crate::PROGRAM;

/// Discards every pending message of `subscription`.
pub(crate) async fn lose(harness: &Harness, subscription: &str) {
    let address = |name| harness.session.address(name).expect("an address");
    let (host, project) = (
        address("PUBSUB_EMULATOR_HOST"),
        address("GOOGLE_CLOUD_PROJECT"),
    );
    let url = format!("http://{host}/v1/projects/{project}/subscriptions/{subscription}:seek");
    let now = harness.stack.clock().now();
    let sought = harness
        .http
        .post(url)
        .json(&json!({ "time": now.to_rfc3339() }));
    let sought = sought.send().await.expect("an answer");
    assert!(sought.status().is_success(), "{sought:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_run_gets_one() {
    let mut chain = TestChain::start(PROGRAM, setup()).await;
    chain
        .harness
        .stack
        .kill("tune")
        .await
        .expect("it is killed");
    let upload = chain.upload().await;
    let _cleaned = chain.harness.cleaned(&upload).await;
    chain.harness.has_message("tune-on-dataset-cleaned").await;
    lose(&chain.harness, "tune-on-dataset-cleaned").await;
    chain
        .harness
        .stack
        .restart("tune")
        .await
        .expect("it starts");
    let _ended = chain.ends_once(&upload).await;
    let again = "has no run: publishing `dataset-cleaned` again";
    assert!(
        has_published_again(&chain.harness, again),
        "it was not lost"
    );
}

/// Runs the chain until `caller` is about to publish to `topic`, kills it there, and discards the
/// messages of `subscription`, so that no redelivery would publish it.
async fn unpublished(
    topic: &str,
    caller: &'static str,
    subscription: &str,
) -> (TestChain, ObjectFinalized) {
    let mut chain = TestChain::start(PROGRAM, setup()).await;
    let fault = json!({
        "caller": caller, "path": "Publisher/Publish$", "body": format!("/topics/{topic}"),
        "times": 100, "action": { "hold": "before" },
    });
    let fault = chain.harness.faults.arm(&fault).await;
    let upload = chain.upload().await;
    chain.harness.faults.held(&fault).await;
    chain
        .harness
        .stack
        .kill(caller)
        .await
        .expect("it is killed");
    lose(&chain.harness, subscription).await;
    chain.harness.faults.clear().await;
    (chain, upload)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_run_whose_event_was_lost_is_submitted() {
    let (mut chain, upload) = unpublished("run-approved", "tune", "tune-on-dataset-cleaned").await;
    let version = chain
        .harness
        .cleaned(&upload)
        .await
        .version
        .expect("a version");
    let queued = |run: &Run| run.state == State::Queued;
    chain
        .harness
        .run_of(version.as_str(), "a queued run", queued)
        .await;
    chain
        .harness
        .stack
        .restart("tune")
        .await
        .expect("it starts");
    let _ended = chain.ends_once(&upload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_run_whose_event_was_lost_is_published() {
    let (mut chain, upload) = unpublished("run-finished", "watch", "watch-on-tick").await;
    let version = chain
        .harness
        .cleaned(&upload)
        .await
        .version
        .expect("a version");
    let finished = |run: &Run| run.state.is_final() && !run.finish_published;
    chain
        .harness
        .run_of(version.as_str(), "a finished run", finished)
        .await;
    chain
        .harness
        .stack
        .restart("watch")
        .await
        .expect("it starts");
    let _ended = chain.ends_once(&upload).await;
}

/// The chain's settings, and what is left undone is published again soon.
fn impatient() -> Setup {
    setup().with("WATCH_UNFOLLOWED_S", "1800")
}

/// Whether `watch` has logged a line that ends with `words`.
pub(crate) fn has_published_again(harness: &Harness, words: &str) -> bool {
    harness.stack.log_lines().into_iter().any(|line| {
        let message = line.entry["message"].as_str().unwrap_or_default();
        line.function == "watch" && message.ends_with(words)
    })
}

/// Stops `function` while the chain runs, and discards what was published for it meanwhile.
async fn while_away(function: &'static str, subscription: &str) -> (TestChain, ObjectFinalized) {
    let (mut chain, upload) = gone(function, subscription).await;
    lose(&chain.harness, subscription).await;
    let stack = &mut chain.harness.stack;
    stack.restart(function).await.expect("it starts");
    (chain, upload)
}

/// Stops `function`, and runs the chain until there is a message for it.
async fn gone(function: &'static str, subscription: &str) -> (TestChain, ObjectFinalized) {
    let mut chain = TestChain::start(PROGRAM, impatient()).await;
    let stack = &mut chain.harness.stack;
    stack.kill(function).await.expect("it is killed");
    let upload = chain.upload().await;
    chain.harness.has_message(subscription).await;
    (chain, upload)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_notification_was_lost_is_handled_once() {
    let (chain, upload) = while_away("clean", "clean-on-object-finalized").await;
    let _ended = chain.ends_once(&upload).await;
    let again = "has no record: publishing `object-finalized` again";
    assert!(
        has_published_again(&chain.harness, again),
        "it was not lost"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_end_evaluate_did_not_learn_of_is_evaluated() {
    let (chain, upload) = while_away("evaluate", "evaluate-on-run-finished").await;
    let _ended = chain.ends_once(&upload).await;
    let again = "has no evaluation: publishing `run-finished` again";
    assert!(
        has_published_again(&chain.harness, again),
        "it was not lost"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_that_deploy_did_not_learn_of_is_decided_on() {
    let (chain, upload) = while_away("deploy", "deploy-on-run-evaluated").await;
    let _ended = chain.ends_once(&upload).await;
    let again = "has no decision: publishing `run-evaluated` again";
    assert!(
        has_published_again(&chain.harness, again),
        "it was not lost"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_was_not_carried_out_moves_the_route() {
    let mut chain = TestChain::start(PROGRAM, impatient()).await;
    let fault = json!({
        "caller": "deploy", "path": "/UpdateDocument$", "body": "/documents/routes/",
        "times": 100, "action": { "hold": "before" },
    });
    let fault = chain.harness.faults.arm(&fault).await;
    let upload = chain.upload().await;
    chain.harness.faults.held(&fault).await;
    let stack = &mut chain.harness.stack;
    stack.kill("deploy").await.expect("it is killed");
    lose(&chain.harness, "deploy-on-run-evaluated").await;
    chain.harness.faults.clear().await;
    let stack = &mut chain.harness.stack;
    stack.restart("deploy").await.expect("it starts");
    wait::until("the route's move", &chain.harness, async || {
        match chain.harness.route(MODEL).await {
            Some(route) if route.version > 0 => Ok(()),
            route => Err(format!("{route:?}")),
        }
    })
    .await;
    let _ended = chain.ends_once(&upload).await;
    let again = "has no moved route: publishing `run-evaluated` again";
    assert!(
        has_published_again(&chain.harness, again),
        "it was not lost"
    );
}

/// Has `watch` crash in every way where it publishes to `topic` again what was lost for `function`.
async fn crashes_while_publishing(function: &'static str, subscription: &str, topic: &str) {
    let checks = CrashKind::ALL.map(|kind| async move {
        let (mut chain, upload) = gone(function, subscription).await;
        let faults = chain.harness.faults.clone();
        let fault = json!({
            "caller": "watch", "path": "Publisher/Publish$", "body": format!("/topics/{topic}"),
            "action": { "hold": "before" },
        });
        // Armed first: what is published before is lost, and what comes after it is held.
        let fault = faults.arm(&fault).await;
        lose(&chain.harness, subscription).await;
        let stack = &mut chain.harness.stack;
        stack.restart(function).await.expect("it starts");
        faults.held(&fault).await;
        kind.befall(&mut chain.harness, "watch", &fault).await;
        let _ended = chain.ends_once(&upload).await;
    });
    let _ended = future::join_all(checks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_an_upload_is_published_again_loses_nothing() {
    let subscription = "clean-on-object-finalized";
    crashes_while_publishing("clean", subscription, "object-finalized").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_a_version_is_published_again_loses_nothing() {
    let subscription = "tune-on-dataset-cleaned";
    crashes_while_publishing("tune", subscription, "dataset-cleaned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_an_end_is_published_again_loses_nothing() {
    let subscription = "evaluate-on-run-finished";
    crashes_while_publishing("evaluate", subscription, "run-finished").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_while_a_verdict_is_published_again_loses_nothing() {
    let subscription = "deploy-on-run-evaluated";
    crashes_while_publishing("deploy", subscription, "run-evaluated").await;
}
