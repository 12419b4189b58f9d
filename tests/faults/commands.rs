//! The promise: what a person decided follows, although the event that the command published was lost.

use serde_json::json;
use shared::run::Run;
use system_tests::{
    faults::chain::{MODEL, TestChain, setup},
    harness::{Harness, Setup},
    person::said,
};

use crate::{
    PROGRAM,
    lost::{has_published_again, lose},
};

/// Runs a command of a person while `function` is away, whose message of `subscription` is then lost.
async fn command(
    harness: &mut Harness,
    arguments: &[&str],
    function: &'static str,
    subscription: &str,
) {
    harness.stack.kill(function).await.expect("it is killed");
    let (done, printed) = said(harness.command(PROGRAM, arguments).await);
    assert!(done, "{printed}");
    harness.has_message(subscription).await;
    lose(harness, subscription).await;
    harness.stack.restart(function).await.expect("it starts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_accepted_gets_its_run() {
    let mut harness = Harness::start(PROGRAM, Setup::default()).await;
    harness.set_vertex(&json!({ "seconds_per_step": 30 })).await;
    // Forty of a hundred rows have no answer.
    let rows = (0..100).map(|number| {
        let mut row = json!({ "input": format!("When does bus {number} leave the market?") });
        if number >= 40 {
            row["output"] = format!("Bus {number} leaves at {} minutes past.", number / 2).into();
        }
        row.to_string() + "\n"
    });
    let rows: String = rows.collect();
    let upload = harness.drop_rows("misread", "[tune]\nepochs = 2", &rows);
    let upload = upload.await;
    let version = harness.version_of(&upload).await;
    assert!(version.awaits_review(), "{:?}", version.review);
    let accept = ["datasets", "accept", version.id.as_str(), "--by", "ada"];
    command(&mut harness, &accept, "tune", "tune-on-dataset-cleaned").await;
    let has_job = |run: &Run| run.job.is_some();
    let _run = harness
        .run_from(&upload, "the job of its run", has_job)
        .await;
    let again = "has no run: publishing `dataset-cleaned` again";
    assert!(has_published_again(&harness, again), "it was not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_was_planned_is_bought() {
    let mut chain = TestChain::start(PROGRAM, setup()).await;
    let upload = chain.upload().await;
    let before = chain.ends_once(&upload).await.run;
    let retune = ["retune", MODEL, "--base-model", "gemini-3.5-flash"];
    let harness = &mut chain.harness;
    command(harness, &retune, "tune", "tune-on-run-approved").await;
    let follows = |run: &Run| run.retunes.as_ref() == Some(&before.id) && run.job.is_some();
    let run = harness.any_run("the job of the successor", follows).await;
    assert_eq!(run.version, before.version);
}
