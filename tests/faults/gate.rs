//! The promise: the gate decides once, against the model that serves, and never against a person.

use serde_json::json;
use shared::{
    evaluation::EvaluationRecord,
    id::RunId,
    route::{GateDecision, Route},
    run::Run,
};
use system_tests::{
    faults::chain::{MODEL, TestChain, rows, setup},
    wait,
};

use crate::PROGRAM;

/// Runs a command of `lapidary` on the chain's system.
async fn lapidary(chain: &TestChain, arguments: &[&str]) {
    let _printed = chain.harness.expect_command(PROGRAM, arguments).await;
}

async fn route(chain: &TestChain) -> Route {
    chain.harness.route(MODEL).await.expect("a route")
}

/// Waits for a decision on `run` whose reason contains `words`.
async fn decided(chain: &TestChain, run: &RunId, words: &str) -> GateDecision {
    let harness = &chain.harness;
    wait::until(words, harness, async || {
        let decision = harness.decision(run).await;
        if decision.reopened_by.is_none() && decision.reason.contains(words) {
            return Ok(decision);
        }
        Err(decision.reason)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_rolls_back_and_no_message_nor_run_undoes_it() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let upload = chain.upload().await;
    let ended = chain.ends_once(&upload).await;
    let run = ended.run.id;
    assert_eq!(ended.decision.route_version, Some(0));
    assert!(ended.decision.evidence.is_some());

    lapidary(
        &chain,
        &["rollback", MODEL, "--reason", "complaints", "--by", "ada"],
    )
    .await;
    let event = json!({ "run": run }).to_string();
    for _again in 0..2 {
        let harness = &chain.harness;
        harness
            .publish("run-evaluated", event.as_bytes(), &json!({}))
            .await;
        harness.settled().await;
    }
    let back = route(&chain).await;
    assert_eq!((back.version, &back.target), (2, &None));
    assert_eq!(back.hold.map(|hold| hold.by).as_deref(), Some("ada"));

    lapidary(&chain, &["deploy", run.as_str()]).await;
    let kept = decided(&chain, &run, "ada holds the route").await;
    assert!(!kept.promoted);
    assert_eq!(route(&chain).await.target, None);

    lapidary(&chain, &["hold", MODEL, "--lift"]).await;
    lapidary(&chain, &["deploy", run.as_str()]).await;
    let promoted = decided(&chain, &run, "promoted").await;
    assert_eq!(promoted.route_version, Some(2));
    chain.harness.settled().await;
    let moved = route(&chain).await;
    assert!(moved.leads_to(&run) && moved.version == 3, "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_model_is_compared_with_the_one_that_serves() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let upload = chain.upload().await;
    let first = chain.ends_once(&upload).await.run.id;
    let harness = &chain.harness;
    // The same rows and one more: another version, whose models are asked other rows.
    let more = format!(
        "{}\n{}",
        rows(),
        json!({ "input": "When do you open?", "output": "The museum opens at nine and closes at dusk." })
    );
    let upload = harness.upload("museum/more.jsonl", more).await;
    let has_ended = |run: &Run| run.finish_published;
    let second = harness
        .run_from(&upload, "the second run's end", has_ended)
        .await;
    let decision = harness.decision(&second.id).await;
    let record: EvaluationRecord = harness
        .document("the second evaluation", second.id.as_str())
        .await;
    let serving = record
        .evaluation
        .serving
        .expect("the model that serves is asked");
    assert_eq!(serving.run, first.as_str());
    let asked = record.evaluation.integrity.serving.expect("it is counted");
    assert_eq!(asked.not_asked, 0);
    assert_eq!(decision.promoted, route(&chain).await.leads_to(&second.id));
    let passes = ["better"].contains(&serving.verdict.as_str());
    assert!(passes || !decision.promoted, "{serving:?} {decision:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rows_are_asked_where_the_first_ones_prove_too_little() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let harness = &chain.harness;
    let answers = chain.slow_answers().await;
    let upload = chain.upload_asking(4).await;
    let has_ended = |run: &Run| run.finish_published;
    let run = harness
        .run_from(&upload, "the run's end", has_ended)
        .await
        .id;
    let kept = decided(&chain, &run, "cannot tell").await;
    assert!(!kept.promoted);
    let read = || harness.document::<EvaluationRecord>("the evaluation", run.as_str());
    let first = read().await;
    assert_eq!(
        (first.evaluation.planned, first.evaluation.comparison),
        (4, 1)
    );
    assert_eq!(harness.faults.fired(&answers).await, 8);

    lapidary(&chain, &["evaluate", run.as_str(), "--rows", "500"]).await;
    let promoted = decided(&chain, &run, "promoted").await;
    assert_ne!(promoted.evidence, kept.evidence);
    let more = read().await;
    let evaluation = more.evaluation;
    let added: Vec<u64> = more.added.iter().map(|added| added.rows).collect();
    assert_eq!(added, [evaluation.planned - 4], "as many as are held out");
    assert_eq!(
        (evaluation.comparison, evaluation.sample),
        (2, first.evaluation.sample)
    );
    let asked = harness.faults.fired(&answers).await;
    assert!(
        evaluation.rows > 4 && asked == 2 * evaluation.rows,
        "{asked}"
    );

    let again = harness
        .command(PROGRAM, &["evaluate", run.as_str(), "--rows", "5"])
        .await;
    assert!(
        !again.status.success(),
        "what is proven stays proven: {again:?}"
    );
}
