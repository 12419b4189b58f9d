//! A job is stopped for a reason, and until it has stopped.

use serde_json::{Value, json};
use shared::{
    google::documents::Write,
    id::RunId,
    job_state::JobState,
    run::{Run, State},
    run_change::RunChange,
};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::ProxyMode,
    wait,
};

use super::{
    LONG_STEP_S, RECIPE, ended, fields_of, ledger_of, person_is_called, rows, running, start,
    succeeds,
};

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

/// Steps of two hours: whatever the machine does meanwhile, the job has not ended by itself.
const ENDLESS_STEP_S: f64 = 7_200.0;
/// More requests than one function makes in a row.
const ASKED_AGAIN: usize = 3;

/// Cancels `run` as a person does.
async fn cancel(harness: &Harness, run: &RunId) {
    let documents = &harness.session.documents;
    wait::until("the run to be cancelled", harness, async || {
        let stored = documents.get::<Run>(run.as_str()).await;
        let stored = stored.expect("the run is read").expect("a run");
        let mut cancelled = stored.value.clone();
        let at = harness.stack.clock().now();
        let changed = RunChange::Cancel.apply(&mut cancelled, "ada", "wrong rows", at);
        changed.expect("a run that can be cancelled");
        match documents.replace(run.as_str(), &stored, &cancelled).await {
            Ok(Write::Done) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_without_effect_is_asked_again_until_the_job_has_ended() {
    let modes = [ProxyMode::CancelIgnored];
    let (harness, proxy) = start(slow(), ENDLESS_STEP_S, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await.id;
    cancel(&harness, &run).await;
    // The service says yes each time, and the job runs on: a person is called.
    let line = person_is_called(&harness, &run, "cancel_without_effect").await;
    assert!(line.contains("runs on although"), "{line}");
    let ignored = proxy.cancels();
    assert!(ignored >= ASKED_AGAIN, "{ignored} cancels");
    let stopping = fields_of(&harness, &run, "a run that is being stopped", |run| {
        run["state"] == "stopping"
    });
    let stopping = stopping.await;
    assert_ne!(stopping["job"]["state"], "JOB_STATE_CANCELLED");
    proxy.clear();
    let run = ended(&harness, &upload).await;
    assert_eq!(run.state, State::Cancelled, "{}", run.reason);
    let job = run.job.as_ref().expect("a job");
    assert_eq!(job.state, JobState::Cancelled);
    assert!(
        proxy.cancels() > ignored,
        "asked again after {ignored} times"
    );
    assert_one_decision(&harness, &run.id).await;
    let entry = wait::until("the ledger to have the end", &harness, async || {
        let jobs = ledger_of(&harness, &run.id).await;
        match jobs.as_slice() {
            [job] if job["open"] == false => Ok(job.clone()),
            _ => Err(jobs),
        }
    });
    let entry = entry.await;
    let accepted = entry["cancels"]["accepted"].as_u64().unwrap_or_default();
    assert!(accepted > ASKED_AGAIN as u64, "{entry:#}");
    assert_eq!(proxy.creates(), 1);
}
