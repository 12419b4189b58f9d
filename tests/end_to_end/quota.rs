//! More runs than the project may tune at a time: each gets its turn, and one job.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::{
    id::RunId,
    run::{Run, State},
};
use system_tests::harness::{Harness, Setup};

use crate::{PROGRAM, rows};

/// Two runs at once, under the limit of `tune` and the service's own, which may differ.
async fn check(over_quota: &str, jobs_max: &str) {
    let setup = Setup::default().with("TUNE_JOBS_MAX", jobs_max);
    let harness = Harness::start(PROGRAM, setup).await;
    harness
        .set_vertex(&json!({ "over_quota": over_quota, "seconds_per_step": 30 }))
        .await;
    let recipe = "[tune]\nepochs = 2";
    // Not the same rows: what was bought once is not bought again.
    let (north, south) = (rows(60), rows(61));
    let (one, two) = tokio::join!(
        harness.drop_rows("north", recipe, &north),
        harness.drop_rows("south", recipe, &south),
    );
    for upload in [one, two] {
        let is_final = |run: &Run| run.state.is_final();
        let run = harness.run_from(&upload, "its turn to end", is_final).await;
        assert_eq!(run.state, State::Succeeded, "{}", run.reason);
        harness.decision(&run.id).await;
    }
    check_turns(&harness.jobs().await, 2);
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_uploads_at_once_take_turns() {
    check("reject", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_below_our_own_limit_is_waited_for() {
    check("reject", "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_queues_jobs_may_do_so() {
    check("wait", "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_submitted_in_the_order_of_their_uploads() {
    let harness = Harness::start(PROGRAM, Setup::default()).await;
    harness.set_vertex(&json!({ "seconds_per_step": 60 })).await;
    let recipe = "[tune]\nepochs = 2";
    let mut runs = Vec::new();
    for (dataset, count, state) in [
        ("first", 60, State::Running),
        ("second", 61, State::Queued),
        ("third", 62, State::Queued),
    ] {
        let upload = harness.drop_rows(dataset, recipe, &rows(count)).await;
        let is_it = |run: &Run| run.state == state;
        runs.push(harness.run_from(&upload, state.as_str(), is_it).await.id);
    }
    for run in &runs {
        harness.decision(run).await;
    }
    let mut jobs = harness.jobs().await;
    check_turns(&jobs, 3);
    jobs.sort_by_key(|job| time(&job["createTime"]));
    let order: Vec<&Value> = jobs
        .iter()
        .map(|job| &job["labels"]["lapidary_run"])
        .collect();
    let expected: Vec<&str> = runs.iter().map(RunId::as_str).collect();
    assert_eq!(order, expected);
    harness.assert_quiet().await;
}

/// Asserts that there are as many jobs as runs, and that no two ran at the same time.
fn check_turns(jobs: &[Value], expected: usize) {
    assert_eq!(jobs.len(), expected, "{jobs:#?}");
    let mut spans: Vec<_> = jobs
        .iter()
        .map(|job| (time(&job["startTime"]), time(&job["endTime"])))
        .collect();
    spans.sort_unstable();
    let in_turn = spans.is_sorted_by(|(_, ended), (started, _)| ended <= started);
    assert!(in_turn, "{spans:?}");
}

fn time(text: &Value) -> DateTime<Utc> {
    text.as_str().unwrap().parse().unwrap()
}
