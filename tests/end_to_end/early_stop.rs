//! Runs that go wrong, and how each is stopped: by an alert, or by `watch` without one.

use serde_json::json;
use shared::{
    curve::Curve,
    evaluation::EvaluationRecord,
    google::documents::Document,
    health::HealthCode,
    job_state::JobState,
    route::GateDecision,
    run::{Run, State},
};
use system_tests::harness::{Harness, Setup};

use crate::PROGRAM;

/// Slow enough for an alert to arrive while the job still runs.
const SPEED: f64 = 300.0;

async fn start(looks: &str) -> Harness {
    let setup = Setup {
        speed: Some(SPEED),
        ..Setup::default()
    };
    Harness::start(PROGRAM, setup.with("WATCH_POLLS", looks)).await
}

/// Uploads the example whose learning rate is twelve times too high; waits until its run has ended.
async fn diverge(harness: &Harness) -> Run {
    harness
        .set_vertex(&json!({ "seconds_per_step": 300 }))
        .await;
    let upload = harness.drop_example("diverge", "kitchen").await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness.run_from(&upload, "the run to end", is_final).await;
    assert_eq!(run.state, State::Cancelled, "{}", run.reason);
    let job = run.job.as_ref().unwrap();
    assert_eq!(job.state, JobState::Cancelled);
    assert!(run.last_step.unwrap() < job.steps_total.unwrap(), "in time");
    let finding = run.stop.as_ref().unwrap().finding;
    assert!(matches!(
        finding,
        HealthCode::NotANumber | HealthCode::Diverged
    ));
    assert_eq!(run.chosen, None, "no checkpoint is worth an evaluation");
    let version = run.version.as_str();
    let published = harness.run_of(version, "its end to be published", |run| {
        run.finish_published
    });
    published.await;
    harness.assert_quiet().await;
    assert!(
        !exists::<EvaluationRecord>(harness, &run).await,
        "no evaluation"
    );
    assert!(!exists::<GateDecision>(harness, &run).await, "no decision");
    assert_eq!(harness.route("kitchen").await, None);
    run
}

async fn exists<T: Document>(harness: &Harness, run: &Run) -> bool {
    let found = harness.session.documents.get::<T>(run.id.as_str()).await;
    found.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_stops_a_run_that_diverges() {
    // `watch` itself never calls early-stop: the alert must.
    let harness = start("1000000").await;
    let run = diverge(&harness).await;
    let called_by = &run.stop.as_ref().unwrap().called_by;
    assert!(called_by.starts_with("incident "), "{called_by}");
    assert!(called_by.ends_with("policy `run-unhealthy`"), "{called_by}");
    let decided = run.history.iter().any(|entry| entry.by == "early-stop");
    assert!(decided, "{:?}", run.history);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_alert_watch_calls_early_stop() {
    let harness = start("5").await;
    let monitoring = harness.address("MONITORING_ENDPOINT");
    let project = harness.address("GOOGLE_CLOUD_PROJECT");
    let policies = harness
        .get(&format!("{monitoring}/v3/projects/{project}/alertPolicies"))
        .await;
    for policy in policies["alertPolicies"].as_array().unwrap() {
        let url = format!("{monitoring}/v3/{}", policy["name"].as_str().unwrap());
        let deleted = harness.http.delete(url).send().await.unwrap();
        assert!(deleted.status().is_success(), "{deleted:?}");
    }
    let run = diverge(&harness).await;
    assert_eq!(run.stop.as_ref().unwrap().called_by, "watch");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_checkpoint_of_a_run_that_overfits_is_kept() {
    let harness = start("5").await;
    let upload = harness.drop_example("overfit", "museum").await;
    let is_final = |run: &Run| run.state.is_final();
    let run = harness.run_from(&upload, "the run to end", is_final).await;
    if let Some(stop) = &run.stop {
        assert_eq!(stop.finding, HealthCode::Overfit);
    } else {
        assert_eq!(run.state, State::Succeeded, "{}", run.reason);
    }
    let curve: Curve = harness.document("the curve", run.id.as_str()).await;
    let loss_at = |step: u64| {
        let nearest = curve
            .eval
            .iter()
            .min_by_key(|point| point.step.abs_diff(step));
        nearest.unwrap().loss.unwrap()
    };
    let chosen = run.chosen.as_ref().unwrap();
    let checkpoints = &run.job.as_ref().unwrap().checkpoints;
    assert!(checkpoints.len() > 1, "a choice: {checkpoints:?}");
    for other in checkpoints {
        assert!(
            loss_at(chosen.step) <= loss_at(other.step),
            "{other:?} is better than {chosen:?}"
        );
    }
    // The number of checkpoints by then depends on when the alert arrives; that training continued
    // after the chosen one does not.
    assert!(Some(chosen.step) < curve.last_step(), "{chosen:?}");
    let found = harness.evaluated(&run.id).await;
    assert_eq!(Some(&found.tuned), chosen.endpoint.as_ref());
    assert_eq!(found.evaluation.rows, 6);
    let decision = harness.decision(&run.id).await;
    assert!(!decision.promoted, "six rows prove nothing: {decision:?}");
    harness.assert_quiet().await;
}
