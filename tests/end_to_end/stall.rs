//! A job that runs without making steps: only we would ever stop it, and it costs money.

use serde_json::json;
use shared::{health::HealthCode, run::State};
use system_tests::harness::{Harness, Setup};

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_makes_no_step_is_stopped() {
    let setup = Setup::default().with("WATCH_STALL_S", "900");
    let harness = Harness::start(PROGRAM, setup).await;
    harness.set_vertex(&json!({ "seconds_per_step": 20 })).await;
    // The same short answer in every row hangs the trainer: the emulator reproduces a reported bug.
    let row = |number: usize| {
        let row = json!({ "input": format!("Is {number} a whole number?"), "output": "yes" });
        format!("{row}\n")
    };
    let rows: String = (0..80).map(row).collect();
    let recipe = "[clean]\noutput_words_min = 1\n[tune]\nepochs = 4";
    let upload = harness.drop_rows("numbers", recipe, &rows).await;
    let run = harness
        .run_from(&upload, "the run to end", |run| run.state.is_final())
        .await;
    assert_eq!(run.state, State::Cancelled, "{}", run.reason);
    let stop = run.stop.as_ref().unwrap();
    assert_eq!(stop.finding, HealthCode::Stalled);
    assert_eq!(run.chosen, None, "no checkpoint is worth an evaluation");
    assert!(run.last_step.unwrap() < run.job.as_ref().unwrap().steps_total.unwrap());
    let jobs = harness.jobs().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["state"], "JOB_STATE_CANCELLED");
    let noted = run
        .history
        .iter()
        .any(|entry| entry.note.contains("very short outputs"));
    assert!(noted, "{:?}", run.history);
    harness.assert_quiet().await;
}
