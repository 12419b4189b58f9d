//! A curve that cannot be read, or looks odd, is not evidence against its job.

use serde_json::{Value, json};
use shared::run::Run;
use system_tests::{
    harness::{Harness, Setup, example},
    vertex_proxy::{ProxyMode, VertexProxy, VertexRequest},
};

use super::{ALWAYS, RECIPE, calls_about, fields_of, rows, running, start, succeeds, text};

/// Simulated seconds of a step: the job lasts some three hours, and a curve that is not read for half an hour calls
/// a person.
const REFUSED_STEP_S: f64 = 60.0;
/// Simulated seconds of a step: every look at the curve shows a few new ones.
const ODD_STEP_S: f64 = 40.0;

/// Refuses every read on the way to a curve.
async fn refuse_curves(harness: &Harness, status: &str) {
    for path in ["/metadataStores/", "/tensorboards/"] {
        let fault =
            json!({ "path": path, "times": ALWAYS, "action": { "error": { "status": status } } });
        harness.faults.arm(&fault).await;
    }
}

/// A healthy job of hours whose curve is refused: it ends well, and the next run gets its turn.
async fn check_refused(status: &str, shown: &[&str]) {
    let (harness, proxy) = start(Setup::default(), REFUSED_STEP_S, &[]).await;
    refuse_curves(&harness, status).await;
    let first = harness.drop_example("support-tickets", "support").await;
    let run = running(&harness, &first).await;
    let second = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let is_unread = |run: &Value| shown.contains(&text(&run["curve"]["state"]));
    fields_of(&harness, &run.id, "a curve that is not fresh", is_unread).await;
    let run = succeeds(&harness, &first).await;
    assert_eq!(proxy.cancels(), 0, "absence of evidence cancels nothing");
    assert!(proxy.count(VertexRequest::is_curve) > 0);
    calls_about(&harness, &run.id).await;
    // State and end do not wait for the curve, so neither does the queue.
    succeeds(&harness, &second).await;
    harness.decision(&run.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_that_is_not_found_stops_no_job() {
    check_refused("NOT_FOUND", &["none", "unread"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_that_may_not_be_read_stops_no_job() {
    check_refused("PERMISSION_DENIED", &["unread"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_beyond_its_quota_stops_no_job() {
    check_refused("RESOURCE_EXHAUSTED", &["unread"]).await;
}

/// A healthy job whose curve `mode` changes.
async fn check_odd(mode: ProxyMode) -> (Harness, VertexProxy, Run) {
    let (harness, proxy) = start(Setup::default(), ODD_STEP_S, &[mode]).await;
    let upload = harness.drop_example("support-tickets", "support").await;
    let run = succeeds(&harness, &upload).await;
    assert_eq!(proxy.cancels(), 0, "{:#?}", run.history);
    assert_eq!(run.stop, None);
    (harness, proxy, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_of_zero_is_a_number() {
    let (harness, _proxy, run) = check_odd(ProxyMode::ZeroLoss { nth: 29 }).await;
    let history = &run.history;
    let is_lost = history
        .iter()
        .any(|entry| entry.note.contains("not_a_number"));
    assert!(!is_lost, "{history:#?}");
    harness.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_value_that_is_not_a_number_among_finite_ones_is_not_fatal() {
    // The evaluation loss, which has a value every fifth of an epoch.
    let nan = ProxyMode::NanLoss {
        series: "4",
        nth: 3,
    };
    check_odd(nan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_loss_that_is_not_a_number_once_is_not_fatal() {
    let nan = ProxyMode::NanLoss {
        series: "1",
        nth: 15,
    };
    check_odd(nan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn healthy_runs_with_noisy_losses_are_not_stopped() {
    const RUNS: usize = 2;
    let setup = Setup::default().with("TUNE_JOBS_MAX", "8");
    let noise = ProxyMode::NoisyLosses {
        sigma: 0.3,
        seed: 1,
    };
    let (harness, proxy) = start(setup, ODD_STEP_S, &[noise]).await;
    let mut uploads = Vec::new();
    for number in 0..RUNS {
        let dataset = format!("support-{number}");
        let (rows, _) = example("support-tickets");
        // Of other rows, so that each is a purchase of its own.
        let more = rows_of(&rows, number);
        let recipe = "[clean]\nvalidation_percent = 10\n[tune]\nepochs = 3";
        uploads.push(harness.drop_rows(&dataset, recipe, &more).await);
    }
    for upload in &uploads {
        let run = succeeds(&harness, upload).await;
        assert_eq!(run.stop, None, "{:#?}", run.history);
    }
    assert_eq!(proxy.cancels(), 0);
}

/// All rows but one.
fn rows_of(rows: &[u8], without: usize) -> String {
    let rows = String::from_utf8_lossy(rows);
    let kept = rows.lines().enumerate().filter(|(at, _)| *at != without);
    kept.map(|(_, row)| row).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curve_that_hangs_holds_up_neither_state_nor_end() {
    let (harness, proxy) = start(Setup::default(), 240.0, &[]).await;
    let hangs =
        json!({ "path": "/metadataStores/", "times": ALWAYS, "action": { "hold": "before" } });
    let hangs = harness.faults.arm(&hangs).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await;
    let is_unread = |run: &Value| text(&run["curve"]["reason"]).contains("took longer than");
    fields_of(&harness, &run.id, "a curve that hangs", is_unread).await;
    harness.faults.disarm(&hangs).await;
    succeeds(&harness, &upload).await;
    assert_eq!(proxy.cancels(), 0, "absence of evidence cancels nothing");
}
