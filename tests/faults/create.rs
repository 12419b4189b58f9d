//! The promise: the one call that costs money and has no idempotency key leads to one job, or to a
//! run that records why it has none.

use serde_json::{Value, json};
use shared::{
    dataset::Version,
    run::{Run, State},
};
use system_tests::{
    faults::chain::{ChainEnd, TestChain, setup},
    wait,
};

use crate::PROGRAM;

async fn start_with(action: Value) -> TestChain {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let fault = json!({
        "caller": "tune", "method": "POST", "path": "/tuningJobs$", "action": action,
    });
    chain.harness.faults.arm(&fault).await;
    chain
}

async fn once(chain: TestChain) -> ChainEnd {
    let upload = chain.upload().await;
    chain.ends_once(&upload).await
}

/// Runs the chain with `action` on the first call.
async fn check(action: Value) {
    let _ended = once(start_with(action).await).await;
}

/// The same where the call created a job: the run must adopt it.
async fn check_adopts(action: Value) {
    let ended = once(start_with(action.clone()).await).await;
    assert!(adopted(&ended), "{action}: {:#?}", ended.run.history);
}

fn adopted(ended: &ChainEnd) -> bool {
    let mut history = ended.run.history.iter();
    history.any(|entry| entry.note.contains("adopted the job of an earlier call"))
}

/// The same where the call was refused for now: the run says what it waits for, and goes on by
/// itself. Gives the chain, for what it logged.
async fn check_waits(status: &str, waits_for: &str) -> TestChain {
    let chain = start_with(json!({ "error": { "status": status } })).await;
    let upload = chain.upload().await;
    let ended = chain.ends_once(&upload).await;
    let mut history = ended.run.history.iter();
    let waited = history.any(|entry| entry.note.starts_with(waits_for));
    assert!(waited, "{status}: {:#?}", ended.run.history);
    chain
}

/// The error lines of `tune` that say which run waits for a person, and for what.
fn lines_for_a_person(chain: &TestChain) -> Vec<Value> {
    let lines = chain.harness.stack.log_lines().into_iter();
    let waits = lines.filter(|line| line.entry["event"]["name"] == "submission_waits");
    waits
        .map(|line| {
            assert_eq!(line.entry["severity"], "ERROR", "{line:?}");
            line.entry["missing"].clone()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_waited_for_and_named() {
    let chain = check_waits("PERMISSION_DENIED", "waits for a permission").await;
    assert_eq!(lines_for_a_person(&chain), ["a permission"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_waited_for() {
    let chain = check_waits("UNAUTHENTICATED", "waits for a permission").await;
    assert_eq!(lines_for_a_person(&chain), ["a permission"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_not_ready_is_waited_for() {
    let chain = check_waits("FAILED_PRECONDITION", "waits for Vertex AI").await;
    assert_eq!(lines_for_a_person(&chain), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_404_does_not_fail_a_run() {
    check_waits("NOT_FOUND", "waits for what Vertex AI does not find").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_an_aborted_call_made_is_found_again() {
    check_adopts(json!({ "error": { "status": "ABORTED", "when": "after" } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_a_call_past_its_deadline_made_is_found_again() {
    check_adopts(json!({ "error": { "status": "DEADLINE_EXCEEDED", "when": "after" } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_creation_was_not_answered_is_adopted() {
    check_adopts(json!({ "drop": "after" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_dropped_before_it_arrived_is_repeated() {
    check(json!({ "drop": "before" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_that_did_nothing_leads_to_one_job() {
    check(json!({ "error": { "status": "UNAVAILABLE" } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_that_created_a_job_leads_to_one_job() {
    let error = json!({ "error": { "status": "UNAVAILABLE", "when": "after" } });
    check_adopts(error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_quota_is_waited_out() {
    let error = json!({ "error": { "status": "RESOURCE_EXHAUSTED" } });
    check(error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_the_time_out_leads_to_one_job() {
    check_adopts(json!({ "hold": "after" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_was_frozen_before_the_call_does_not_make_it() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    // The intent is written, and its answer is delayed by half the time-out.
    let armed = json!({
        "caller": "tune", "path": "/UpdateDocument$", "body": "/documents/runs/",
        "action": { "delay_ms": 2_500 },
    });
    chain.harness.faults.arm(&armed).await;
    let _ended = once(chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_lists_do_not_show_yet_is_waited_for() {
    let chain = start_with(json!({ "drop": "after" })).await;
    chain
        .harness
        .faults
        .set_vertex(&json!({ "list_lag_s": 60 }))
        .await;
    let _ended = once(chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_fails_the_run_with_the_services_message() {
    let chain = start_with(json!({ "error": { "status": "INVALID_ARGUMENT" } })).await;
    let upload = chain.upload().await;
    let harness = &chain.harness;
    let version = harness.cleaned(&upload).await.version.expect("a version");
    let published = |run: &Run| run.finish_published;
    let run = harness
        .run_of(version.as_str(), "the run's end", published)
        .await;
    assert_eq!(run.state, State::Failed);
    let message = "Vertex AI refused it: injected by a test's fault";
    assert!(run.reason.contains(message), "{}", run.reason);
    harness.assert_quiet().await;
    assert_eq!(harness.jobs().await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_a_frozen_process_created_too_late_is_cancelled() {
    let chain = TestChain::start(PROGRAM, setup()).await;
    let harness = &chain.harness;
    let run = chain.submitted().await;
    let surplus = create_again(&chain, &run).await;
    let published = |run: &Run| run.finish_published;
    let run = harness
        .run_of(run.version.as_str(), "the run's end", published)
        .await;
    let recorded = run.job.expect("a job").name;
    assert_ne!(recorded, surplus);
    let is_cancelled = wait::until("the surplus job to be cancelled", harness, async || {
        let jobs = harness.jobs().await;
        let job = jobs.into_iter().find(|job| job["name"] == surplus);
        let job = job.expect("it is listed");
        match job["state"].as_str() {
            Some(ended @ ("JOB_STATE_CANCELLED" | "JOB_STATE_SUCCEEDED")) => {
                Ok(ended == "JOB_STATE_CANCELLED")
            }
            _ => Err(job["state"].clone()),
        }
    });
    assert!(is_cancelled.await, "it ran to its end, which costs money");
    let lines = harness.stack.log_lines();
    let mut counted = lines
        .iter()
        .filter(|line| line.entry["event"]["name"] == "surplus_job");
    let line = counted.next().expect("the line that the metric counts");
    assert_eq!(line.entry["run"]["id"], run.id.as_str());
    assert_eq!(line.entry["job"]["name"], surplus);
}

/// Creates another job of `run`, as a process would that was suspended for long; gives its name.
async fn create_again(chain: &TestChain, run: &Run) -> String {
    let harness = &chain.harness;
    let version: Version = harness.document("the version", run.version.as_str()).await;
    let train = version.parts.get("train").expect("training rows");
    let address = |name| harness.session.address(name).expect("an address");
    let (endpoint, project) = (address("VERTEX_ENDPOINT"), address("GOOGLE_CLOUD_PROJECT"));
    let region = &run.plan.region;
    let url = format!("{endpoint}/v1/projects/{project}/locations/{region}/tuningJobs");
    let body = json!({
        "baseModel": run.plan.base_model,
        "supervisedTuningSpec": { "trainingDatasetUri": train.artifact.uri.to_string() },
        "labels": { "app": "lapidary", "lapidary_run": run.id.to_string() },
    });
    let created = harness.http.post(url).json(&body).send().await;
    let created: Value = created.expect("an answer").json().await.expect("JSON");
    let name = created["name"]
        .as_str()
        .unwrap_or_else(|| panic!("no job: {created}"));
    name.to_owned()
}
