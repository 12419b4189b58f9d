//! A job is stopped for a reason, and until it has stopped.

use serde_json::{Value, json};
use shared::{id::RunId, job_state::JobState, run::State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::ProxyMode,
};

use super::{LONG_STEP_S, RECIPE, ended, rows, start, succeeds};

/// Slow enough for a decision to arrive while the job still runs.
fn slow() -> Setup {
    Setup {
        speed: Some(300.0),
        ..Setup::default()
    }
}

/// Steps that a run is stopped in, in good time.
const STEP_S: f64 = 300.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_project_is_spelt_in_two_ways_is_one_job() {
    let modes = [ProxyMode::ListsNameProject("lapidary-local")];
    let (harness, proxy) = start(Setup::default(), LONG_STEP_S, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    succeeds(&harness, &upload).await;
    assert_eq!(proxy.cancels(), 0, "it counts as its own surplus");
    assert_eq!(proxy.creates(), 1);
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_404_of_a_job_that_lives_ends_no_run() {
    let (harness, proxy) = start(Setup::default(), LONG_STEP_S, &[]).await;
    let stray = json!({
        "method": "GET", "path": "/tuningJobs/", "skip": 2,
        "action": { "error": { "status": "NOT_FOUND", "message": "TuningJob is not found." } },
    });
    let stray = harness.faults.arm(&stray).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    succeeds(&harness, &upload).await;
    assert_eq!(harness.faults.fired(&stray).await, 1);
    assert_eq!((proxy.creates(), proxy.cancels()), (1, 0));
}

/// A job whose first `times` cancels fail.
async fn check_failing(status: &str, times: u32) {
    let (harness, proxy) = start(slow(), STEP_S, &[]).await;
    let fault = json!({
        "method": "POST", "path": ":cancel$", "times": times,
        "action": { "error": { "status": status } },
    });
    let fault = harness.faults.arm(&fault).await;
    let upload = harness.drop_example("diverge", "kitchen").await;
    let run = ended(&harness, &upload).await;
    assert_eq!(run.state, State::Cancelled, "{}", run.reason);
    let job = run.job.as_ref().expect("a job");
    assert_eq!(job.state, JobState::Cancelled);
    let failed = harness.faults.fired(&fault).await;
    assert_eq!(failed, u64::from(times));
    let asked = u64::try_from(proxy.cancels()).unwrap_or_default();
    assert!(asked > failed, "{asked} cancels, {failed} failed");
    assert_one_decision(&harness, &run.id).await;
}

/// Asserts that the run was decided on once, however often the cancel was asked.
async fn assert_one_decision(harness: &Harness, run: &RunId) {
    let fields = super::fields(harness, run).await;
    let history = fields["history"].as_array().cloned().unwrap_or_default();
    let decides = |entry: &&Value| super::text(&entry["note"]).starts_with("stopping");
    let decisions = history.iter().filter(decides).count();
    assert_eq!(decisions, 1, "{history:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_fails_is_asked_again() {
    check_failing("INTERNAL", 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_comes_too_early_is_asked_again() {
    check_failing("FAILED_PRECONDITION", 3).await;
}
