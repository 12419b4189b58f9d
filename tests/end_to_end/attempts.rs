//! A run that is cancelled by a person ends, with who and why, and is tried again as its next attempt.

use serde_json::json;
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup},
    person::said,
};

use crate::{PROGRAM, rows};

/// Runs a command on the run, with the reason `why`; gives what it prints.
async fn change(harness: &Harness, verb: &str, run: &Run, why: &str) -> (bool, String) {
    let arguments = [verb, run.id.as_str(), "--why", why, "--by", "ada"];
    said(harness.command(PROGRAM, &arguments).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_and_is_tried_again() {
    // Slow enough for commands to run while the job does, and below the hour without a step that stalls it.
    let setup = Setup {
        speed: Some(300.0),
        ..Setup::default()
    };
    let harness = Harness::start(PROGRAM, setup).await;
    harness
        .set_vertex(&json!({ "seconds_per_step": 3_000 }))
        .await;
    let upload = harness
        .drop_rows("again", "[tune]\nepochs = 2", &rows(60))
        .await;
    let runs = |run: &Run| run.state == State::Running;
    let run = harness.run_from(&upload, "the run to start", runs).await;
    let (done, said) = change(&harness, "refuse", &run, "").await;
    assert!(
        !done && said.contains("expected a run that awaits approval"),
        "{said}"
    );

    let (done, said) = change(&harness, "cancel", &run, "wrong rows").await;
    assert!(done && said.contains("is being stopped"), "{said}");
    let has_ended = |run: &Run| run.finish_published;
    let run = harness.run_from(&upload, "the run to end", has_ended).await;
    assert_eq!(run.state, State::Cancelled, "{}", run.reason);
    let withdrawal = run.withdrawal.as_ref().unwrap();
    assert_eq!(
        (withdrawal.by.as_str(), withdrawal.why.as_str()),
        ("ada", "wrong rows")
    );

    harness.set_vertex(&json!({ "seconds_per_step": 30 })).await;
    let (done, said) = change(&harness, "retry", &run, "it was right").await;
    assert!(done && said.contains("attempt 2"), "{said}");
    let has_ended = |run: &Run| run.attempt == 2 && run.finish_published;
    let run = harness
        .run_from(&upload, "the second attempt to end", has_ended)
        .await;
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    let jobs = harness.jobs().await;
    let attempts: Vec<&str> = jobs
        .iter()
        .map(|job| job["labels"]["lapidary_attempt"].as_str().unwrap())
        .collect();
    assert_eq!(attempts, ["2", "1"], "the newest first");
    let (done, said) = change(&harness, "retry", &run, "once more").await;
    assert!(!done && said.contains("made a model"), "{said}");
    harness.assert_quiet().await;
}
