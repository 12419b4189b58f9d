//! The promise: people learn of what waits for them, and of how a run ended, although the event was lost.

use serde_json::json;
use shared::{
    evaluation::EvaluationRecord,
    run::{Run, State},
};
use system_tests::{
    faults::{
        FaultControl,
        chain::{TestChain, setup},
    },
    harness::{Harness, Setup},
};
use watch::notify::{
    announcement::Announcement,
    notice::{self, Notice},
};

use crate::{
    PROGRAM,
    lost::{has_published_again, lose},
};

/// A run that a person must approve.
const COSTLY: &str = "[tune]\nepochs = 2\nbudget_usd = 0.0001";
const ASKED_AGAIN: &str =
    "awaits approval, which was not announced: publishing `run-awaits-approval` again";

fn rows() -> String {
    let row = |number: u32| {
        let input = format!("Where does ferry number {number} land in the evening?");
        let output = format!("Ferry {number} lands at pier {} of the island.", number % 5);
        json!({ "input": input, "output": output }).to_string() + "\n"
    };
    (1..=60).map(row).collect()
}

/// Waits until `watch` knows of `notice`.
async fn announced(harness: &Harness, notice: &Notice) {
    let found = harness.document::<Announcement>("the announcement", &notice.id);
    let found = found.await;
    assert_eq!((&found.run, &found.title), (&notice.run, &notice.title));
}

/// Waits until the run of `harness` awaits approval, and then until that is announced again.
async fn is_asked_again(harness: &Harness) {
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let run = harness.any_run("a run that awaits approval", waits).await;
    let notice = notice::of_waiting(&run, None).expect("it awaits approval");
    announced(harness, &notice).await;
    assert!(has_published_again(harness, ASKED_AGAIN), "it was not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_although_the_event_of_a_run_was_lost() {
    let mut harness = Harness::start(PROGRAM, Setup::default()).await;
    harness.stack.kill("watch").await.expect("it is killed");
    let _upload = harness.drop_rows("costly", COSTLY, &rows()).await;
    harness.has_message("watch-on-run-awaits-approval").await;
    lose(&harness, "watch-on-run-awaits-approval").await;
    harness.stack.restart("watch").await.expect("it starts");
    is_asked_again(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_although_tune_ended_before_it_published_that() {
    let mut harness = Harness::start(PROGRAM, Setup::default()).await;
    let faults: FaultControl = harness.faults.clone();
    let fault = json!({
        "caller": "tune", "path": "Publisher/Publish$", "body": "/topics/run-awaits-approval",
        "times": 100, "action": { "hold": "before" },
    });
    let fault = faults.arm(&fault).await;
    let _upload = harness.drop_rows("costly", COSTLY, &rows()).await;
    faults.held(&fault).await;
    harness.stack.kill("tune").await.expect("it is killed");
    lose(&harness, "tune-on-dataset-cleaned").await;
    faults.clear().await;
    harness.stack.restart("tune").await.expect("it starts");
    is_asked_again(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_learn_of_a_verdict_although_its_event_was_lost() {
    let setup = setup().with("WATCH_UNFOLLOWED_S", "1800");
    let mut chain = TestChain::start(PROGRAM, setup).await;
    let faults = chain.harness.faults.clone();
    let fault = json!({
        "caller": "evaluate", "path": "Publisher/Publish$", "body": "/topics/run-evaluated",
        "action": { "hold": "before" },
    });
    let fault = faults.arm(&fault).await;
    let upload = chain.upload().await;
    faults.held(&fault).await;
    let harness = &mut chain.harness;
    harness.stack.kill("watch").await.expect("it is killed");
    faults.disarm(&fault).await;
    harness.has_message("watch-on-run-evaluated").await;
    lose(harness, "watch-on-run-evaluated").await;
    harness.stack.restart("watch").await.expect("it starts");
    let run = chain.ends_once(&upload).await.run;
    let harness = &chain.harness;
    let record = harness
        .document::<EvaluationRecord>("the evaluation", run.id.as_str())
        .await;
    announced(harness, &notice::of_verdict(&run, &record, None)).await;
    let again = "has no notification of its verdict: publishing `run-evaluated` again";
    assert!(has_published_again(harness, again), "it was not lost");
}
