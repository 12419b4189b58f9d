//! The promise: a model that could not be asked wins nothing and loses nothing. Its run is undecided, nothing
//! is promoted, and it is asked again until it answers.

use serde_json::{Value, json};
use shared::{evaluation::EvaluationRecord, id::RunId, run::Run};
use system_tests::{
    faults::chain::{MODEL, TestChain, setup},
    wait,
};

use crate::PROGRAM;

/// Calls to a base model.
const BASE: &str = "publishers/google/models";
/// Calls to a tuned model.
const TUNED: &str = "/endpoints/";
/// Calls to any model.
const EITHER: &str = ":generateContent$";

/// What a service answers that does not let itself be asked: each code of Google's that a call to a model was
/// seen with, among them one that refuses the request.
const REFUSALS: [&str; 6] = [
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "INTERNAL",
    "INVALID_ARGUMENT",
];

fn refuses(path: &str, status: &str) -> Value {
    json!({
        "caller": "evaluate", "method": "POST", "path": path, "times": 1_000_000,
        "action": { "error": { "status": status } },
    })
}

/// Waits until the models of `run` were asked in vain with this answer, more than `tries` times in all.
async fn asked_in_vain(chain: &TestChain, run: &RunId, status: &str, tries: u32) -> u32 {
    let harness = &chain.harness;
    let what = format!("an evaluation that is undecided because of {status}");
    wait::until(&what, harness, async || {
        let found = harness
            .session
            .documents
            .get::<EvaluationRecord>(run.as_str());
        let Ok(Some(found)) = found.await else {
            return Err("no evaluation".to_owned());
        };
        let record = found.value;
        assert!(!record.decided, "{status} decides: {record:?}");
        assert_eq!(record.evaluation.verdict.as_str(), "undecided");
        assert_eq!(record.evaluation.metrics, [], "nothing is scored");
        let pending = record.pending.expect("a time at which it is asked again");
        let reason = record.evaluation.reason;
        if pending.tries > tries && reason.contains(status) {
            return Ok(pending.tries);
        }
        Err(format!("{} tries: {reason}", pending.tries))
    })
    .await
}

async fn nothing_is_promoted(chain: &TestChain, run: &RunId) {
    let harness = &chain.harness;
    let decisions = harness.all::<shared::route::GateDecision>("at").await;
    assert_eq!(decisions, [], "no decision on {run}");
    let route = harness.route(MODEL).await;
    assert!(route.is_none_or(|route| route.version == 0), "no move");
}

async fn finished(chain: &TestChain) -> (shared::event::ObjectFinalized, Run) {
    let upload = chain.upload().await;
    let has_ended = |run: &Run| run.finish_published;
    let run = chain.harness.run_from(&upload, "the run's end", has_ended);
    let run = run.await;
    (upload, run)
}

/// Every refusal, one after another, of the same run: then the model answers, and the chain ends as if nothing
/// had been.
async fn check(path: &str) {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let faults = &chain.harness.faults;
    let mut armed = faults.arm(&refuses(path, REFUSALS[0])).await;
    let (upload, run) = finished(&chain).await;
    let mut tries = asked_in_vain(&chain, &run.id, REFUSALS[0], 0).await;
    for status in &REFUSALS[1..] {
        faults.disarm(&armed).await;
        armed = faults.arm(&refuses(path, status)).await;
        ask_again(&chain, &run.id).await;
        tries = asked_in_vain(&chain, &run.id, status, tries).await;
    }
    nothing_is_promoted(&chain, &run.id).await;
    faults.disarm(&armed).await;
    let _ended = chain.ends_once(&upload).await;
}

/// `lapidary evaluate RUN --again`.
async fn ask_again(chain: &TestChain, run: &RunId) {
    let arguments = ["evaluate", run.as_str(), "--again"];
    // The function may write the same document at the same time.
    for _attempt in 0..5 {
        let ended = chain.harness.command(PROGRAM, &arguments).await;
        if ended.status.success() {
            return;
        }
    }
    panic!("the models are not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_model_that_cannot_be_asked_loses_to_nobody() {
    check(BASE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tuned_model_that_cannot_be_asked_loses_to_nobody() {
    check(TUNED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_models_that_cannot_be_asked_are_not_equal_and_are_asked_again_by_themselves() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let faults = &chain.harness.faults;
    let armed = faults.arm(&refuses(EITHER, "UNAVAILABLE")).await;
    let (upload, run) = finished(&chain).await;
    let first = asked_in_vain(&chain, &run.id, "UNAVAILABLE", 0).await;
    // Without a command.
    let _more = asked_in_vain(&chain, &run.id, "UNAVAILABLE", first + 1).await;
    nothing_is_promoted(&chain, &run.id).await;
    faults.disarm(&armed).await;
    let _ended = chain.ends_once(&upload).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_rows_without_an_answer_are_asked_again_and_no_other() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let faults = &chain.harness.faults;
    let mut once = refuses(BASE, "NOT_FOUND");
    once["times"] = 3.into();
    let fault = faults.arm(&once).await;
    let (upload, run) = finished(&chain).await;
    let _ended = chain.ends_once(&upload).await;
    assert_eq!(faults.fired(&fault).await, 3);
    let id = run.id.as_str();
    let record: EvaluationRecord = chain.harness.document("the evaluation", id).await;
    assert_eq!(record.evaluation.rows, 25);
    for side in [
        &record.evaluation.integrity.base,
        &record.evaluation.integrity.tuned,
    ] {
        assert_eq!((side.rows, side.not_asked), (25, 0));
    }
    let journal = faults.journal().await;
    let parts = journal.iter().filter(|entry| {
        let is_evaluate = entry["caller"] == "evaluate";
        is_evaluate
            && entry["path"]
                .as_str()
                .unwrap_or_default()
                .starts_with("/upload/storage/")
    });
    assert!(parts.count() >= 2, "answers are kept in parts");
}
