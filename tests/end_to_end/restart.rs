//! A system that is stopped while a job runs, and restarted on its stored state.

use serde_json::json;
use shared::run::{Run, State};
use system_tests::harness::{Harness, Setup};

use crate::{PROGRAM, rows};

/// Slow enough to be stopped while a job runs.
const SPEED: f64 = 300.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_restarts_continues_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let setup = |clock| Setup {
        data: Some(directory.path().to_owned()),
        speed: Some(SPEED),
        clock,
        ..Setup::default()
    };
    let harness = Harness::start(PROGRAM, setup(None)).await;
    harness.set_vertex(&json!({ "seconds_per_step": 90 })).await;
    let upload = harness
        .drop_rows("tickets", "[tune]\nepochs = 2", &rows(60))
        .await;
    let tunes = |run: &Run| run.state == State::Running && run.last_step >= Some(2);
    let before = harness.run_from(&upload, "the run to tune", tunes).await;
    let clock = harness.stop().await;

    let harness = Harness::start(PROGRAM, setup(Some(clock))).await;
    let is_final = |run: &Run| run.state.is_final();
    let after = harness.run_from(&upload, "the run to end", is_final).await;
    assert_eq!(after.state, State::Succeeded, "{}", after.reason);
    assert_eq!(after.id, before.id);
    let name = |run: &Run| run.job.as_ref().unwrap().name.clone();
    assert_eq!(name(&after), name(&before));
    harness.decision(&after.id).await;
    assert_eq!(harness.jobs().await.len(), 1, "no second job is created");
    assert_eq!(harness.runs().await.len(), 1);
    harness.assert_quiet().await;
}
