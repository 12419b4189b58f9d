//! What lasts too long, costs too much or cannot be asked is a finding, never a guess.

use serde_json::{Value, json};
use shared::run::State;
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::ProxyMode,
};

use super::{
    ALWAYS, LONG_STEP_S, RECIPE, calls_about, ended, estimated_usd, fields, fields_of, rows,
    running, spend_of, start, succeeds,
};
/// Whether a run shows the finding `code`, in any of the fields that hold findings.
fn shows(run: &Value, code: &str) -> bool {
    let quoted = format!("\"{code}\"");
    let fields = ["finding", "findings", "health"];
    fields
        .iter()
        .any(|field| run[field].to_string().contains(&quoted))
}

/// A job that is in `mode` for half a day.
async fn check_stuck(mode: ProxyMode) {
    let (harness, proxy) = start(Setup::default(), 3_600.0, &[mode]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await;
    let stuck = |run: &Value| shows(run, "stuck");
    fields_of(&harness, &run.id, "the finding `stuck`", stuck).await;
    assert_eq!(proxy.cancels(), 0, "a finding for a person stops no job");
    calls_about(&harness, &run.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_paused_for_hours_is_a_finding() {
    check_stuck(ProxyMode::State("JOB_STATE_PAUSED")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_for_machines_for_hours_is_a_finding() {
    check_stuck(ProxyMode::SubState("TUNING_JOB_STATE_WAITING_FOR_CAPACITY")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sub_states_are_read_without_their_prefix() {
    let modes = [ProxyMode::BareSubStates];
    let (harness, proxy) = start(Setup::default(), LONG_STEP_S, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    let mut history = run.history.iter();
    let tuned = history.any(|entry| entry.note == "job RUNNING: TUNING");
    assert!(tuned, "{:#?}", run.history);
    assert_eq!(proxy.cancels(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_priced_again_when_the_service_has_counted() {
    let (harness, proxy) = start(Setup::default(), LONG_STEP_S, &[ProxyMode::Bills(50)]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    assert_eq!(proxy.cancels(), 0, "it is within every cap");
    let entry = spend_of(&harness, &run.id, 1).await;
    let micros = |name: &str| entry[name].as_u64().unwrap_or_default();
    let most = micros("reserved_micros").max(micros("settled_micros"));
    let planned = micros_of(estimated_usd(&fields(&harness, &run.id).await));
    assert!(most > 10 * planned, "{entry}: planned with {planned}");
    let history = format!("{:?}", run.history);
    assert!(
        history.contains("tokens"),
        "the difference is recorded: {history}"
    );
}

/// Millionths of a dollar.
fn micros_of(usd: f64) -> u64 {
    let text = format!("{:.0}", usd * 1e6);
    text.parse().unwrap_or(u64::MAX)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_count_is_over_the_cap_is_stopped() {
    // A cent becomes ten thousand dollars: above what any run may cost.
    let modes = [ProxyMode::Bills(1_000_000)];
    let (harness, proxy) = start(Setup::default(), LONG_STEP_S, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = ended(&harness, &upload).await;
    assert_eq!(run.state, State::Cancelled, "{}", run.reason);
    let history = format!("{} {:?}", run.reason, run.history);
    assert!(
        history.contains("spend.run_usd = $100.00"),
        "names the cap: {history}"
    );
    assert!(proxy.cancels() > 0);
    calls_about(&harness, &run.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_are_watched_though_one_cannot_be() {
    let (harness, _proxy) = start(several(), LONG_STEP_S, &[]).await;
    let first = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &first).await;
    refuse_job(
        &harness,
        run.job.as_ref().map_or("", |job| job.name.as_str()),
    )
    .await;
    let second = harness.drop_rows("south", RECIPE, &rows(61)).await;
    succeeds(&harness, &second).await;
}

fn several() -> Setup {
    Setup::default().with("TUNE_JOBS_MAX", "2")
}

/// Refuses every read of one job.
async fn refuse_job(harness: &Harness, job: &str) {
    let id = job.rsplit('/').next().unwrap_or_default();
    let fault = json!({
        "method": "GET", "path": format!("/tuningJobs/{id}"), "times": ALWAYS,
        "action": { "error": { "status": "PERMISSION_DENIED" } },
    });
    harness.faults.arm(&fault).await;
}
