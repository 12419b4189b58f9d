//! What waits for a person hides nothing that does not.

use shared::{
    id::RunId,
    run::{Run, State},
};
use system_tests::{
    harness::{Harness, Setup},
    wait,
};

use super::{RECIPE, rows, start, succeeds};

/// More runs that await approval than one page of a query has ever had.
const AWAITING: usize = 600;

/// Writes runs that await approval, as so many uploads would leave them.
async fn write_awaiting(harness: &Harness, like: &Run) {
    for number in 0..AWAITING {
        let mut run = like.clone();
        let id = format!("{}-{number}", like.id);
        run.id = id.parse::<RunId>().expect("an id");
        // Older and newer ones than the runs that are to be found.
        let hours = i64::try_from(number % 2).expect("it fits");
        run.created_at = like.created_at + chrono::TimeDelta::hours(24 * hours - 12);
        // Again where the busy emulator was too slow, which leaves one document.
        wait::until("a run to be written", harness, async || {
            let written = harness.session.documents.create(&id, &run).await;
            written.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_await_approval_hide_no_other_run() {
    // Slower than other tests: a tick reads hundreds of runs.
    let setup = Setup {
        speed: Some(120.0),
        ..Setup::default()
    };
    let (harness, proxy) = start(setup, 60.0, &[]).await;
    let recipe = "[tune]\nepochs = 2\nbudget_usd = 0.0001";
    let upload = harness.drop_rows("expensive", recipe, &rows(60)).await;
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let waiting = harness.run_from(&upload, "the run to wait", waits).await;
    write_awaiting(&harness, &waiting).await;
    // Two, so that the queue is read as well as what is watched.
    let first = harness.drop_rows("north", RECIPE, &rows(61)).await;
    let second = harness.drop_rows("south", RECIPE, &rows(62)).await;
    for upload in [first, second] {
        let run = succeeds(&harness, &upload).await;
        harness.decision(&run.id).await;
    }
    assert_eq!((proxy.creates(), proxy.cancels()), (2, 0));
}
