//! A run above its budget costs nothing until a person approves it; two approvals create one job.

use reqwest::StatusCode;
use serde_json::json;
use shared::run::{Run, State};
use system_tests::{
    harness::{Harness, Setup},
    person::form_token,
};

use crate::{PROGRAM, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_above_its_budget_waits_for_a_person() {
    let harness = Harness::start(PROGRAM, Setup::default().with("CONSOLE_USER", "ada")).await;
    harness.set_vertex(&json!({ "seconds_per_step": 30 })).await;
    let recipe = "[tune]\nepochs = 2\nbudget_usd = 0.0001";
    let upload = harness.drop_rows("expensive", recipe, &rows(60)).await;
    let waits = |run: &Run| run.state == State::AwaitingApproval;
    let run = harness.run_from(&upload, "the run to wait", waits).await;
    assert!(run.estimate.usd_high > run.budget_usd);
    assert!(run.reason.contains("budget"), "{}", run.reason);
    // Minutes pass without an approval.
    harness.settled().await;
    harness.watched(5).await;
    assert!(harness.jobs().await.is_empty(), "no job is created");

    let path = format!("/runs/{}", run.id);
    let (_, page) = harness.page(&path).await;
    let fields = format!("token={}", form_token(&page));
    let approve = format!("{path}/approve");
    let ours = harness.address("CONSOLE_URL").to_owned();
    for (origin, fields) in [
        ("https://evil.example", fields.as_str()),
        (ours.as_str(), "token=0123"),
        ("null", fields.as_str()),
    ] {
        let (rejected, _) = harness.submit(&approve, origin, fields).await;
        assert_eq!(rejected, StatusCode::UNAUTHORIZED, "{origin} {fields}");
    }
    harness.watched(2).await;
    let still = harness.runs().await;
    assert_eq!(still[0].state, State::AwaitingApproval);

    for attempt in 1..=3 {
        let answer = harness.submit(&approve, &ours, &fields).await;
        let expected = (StatusCode::SEE_OTHER, path.clone());
        assert_eq!(answer, expected, "attempt {attempt}");
    }
    let run = harness
        .run_from(&upload, "the run to end", |run| run.state.is_final())
        .await;
    assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    assert_eq!(run.approval.as_ref().unwrap().by, "ada");
    harness.decision(&run.id).await;
    assert_eq!(
        harness.jobs().await.len(),
        1,
        "one job, however often approved"
    );
    // Too late: a conflict, and no change.
    let (late, _) = harness.submit(&approve, &ours, &fields).await;
    assert_eq!(late, StatusCode::CONFLICT);
    let (_, page) = harness.page(&path).await;
    assert!(!page.contains("name=\"token\""), "a form is left");
    harness.assert_quiet().await;
}
