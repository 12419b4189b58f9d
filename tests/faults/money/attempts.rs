//! A run whose job failed can be tried again, as another attempt of the same run.

use serde_json::Value;
use shared::{id::RunId, job_state::JobState, run::State};
use system_tests::{
    harness::{Harness, Setup},
    vertex_proxy::{ProxyMode, VertexProxy, VertexRequest},
    wait,
};

use super::{Patience, RECIPE, calls_about, ended, fields, rows, running, start};
use crate::PROGRAM;

/// The attempts of the jobs that were created, as their labels say.
fn attempts(proxy: &VertexProxy) -> Vec<Value> {
    let created = proxy
        .requests()
        .into_iter()
        .filter(VertexRequest::is_create);
    created
        .map(|seen| seen.body.expect("a body")["labels"]["lapidary_attempt"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_error_is_tried_again_once_by_itself() {
    let modes = [ProxyMode::FailsAtEnd { jobs: 1 }];
    let (harness, proxy) = start(Setup::default(), 30.0, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await;
    let run = published(&harness, &run.id, 2, "succeeded").await;
    assert_eq!(run["attempt"], 2, "{run:#}");
    assert_eq!(attempts(&proxy), ["1", "2"]);
    assert_eq!(proxy.cancels(), 0);
}

/// Waits until the end of an attempt is published.
async fn published(harness: &Harness, run: &RunId, attempt: u32, state: &str) -> Value {
    let patience = Patience::new(harness);
    let what = format!("attempt {attempt} that has {state}");
    wait::until(&what, harness, async || {
        let fields = fields(harness, run).await;
        let is_it = fields["attempt"] == attempt && fields["state"] == state;
        if is_it && fields["finish_published"] == true {
            return Ok(fields);
        }
        patience.pause(harness, &what).await;
        Err(fields)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_again_waits_for_a_person_who_may_retry_it() {
    let modes = [ProxyMode::FailsAtEnd { jobs: 2 }];
    let (harness, proxy) = start(Setup::default(), 30.0, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await;
    published(&harness, &run.id, 2, "failed").await;
    assert_eq!(attempts(&proxy), ["1", "2"], "one retry by itself");
    // The same file again is the same version and the same run, and buys nothing by itself.
    harness.drop_rows("north", RECIPE, &rows(60)).await;
    harness.settled().await;
    harness.watched(5).await;
    assert_eq!(proxy.creates(), 2);
    let why = "the service was broken on that day";
    let arguments = ["retry", run.id.as_str(), "--why", why];
    let _printed = harness.expect_command(PROGRAM, &arguments).await;
    let third = published(&harness, &run.id, 3, "succeeded").await;
    assert_eq!(third["attempt"], 3, "{third:#}");
    assert!(third["history"].to_string().contains(why), "{third:#}");
    assert_eq!(attempts(&proxy), ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_that_owns_a_model_says_so() {
    let modes = [ProxyMode::FailsWithModel];
    let (harness, proxy) = start(Setup::default(), 30.0, &modes).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = ended(&harness, &upload).await;
    harness.watched(3).await;
    assert_eq!(run.state, State::Failed, "{}", run.reason);
    let job = run.job.as_ref().expect("a job");
    assert_eq!(job.state, JobState::Failed);
    let owned = job.model.as_deref().expect("the model that was paid for");
    assert!(
        run.reason.contains(owned),
        "{} does not name {owned}",
        run.reason
    );
    calls_about(&harness, &run.id).await;
    // What was paid for is not bought again.
    harness.watched(10).await;
    assert_eq!(proxy.creates(), 1);
}
