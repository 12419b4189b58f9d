//! One creation, whatever it is answered.

use serde_json::{Value, json};
use shared::run::Run;
use system_tests::{
    faults::chain,
    harness::Harness,
    vertex_proxy::{ProxyMode, VertexProxy, VertexRequest},
    wait,
};

use super::{
    ALWAYS, RECIPE, errors_about, fields_of, person_is_called, rows, running, start, succeeds,
    text, ticks,
};

/// What Google's front end says to a caller without the permission.
const DENIED: &str = "Permission 'aiplatform.tuningJobs.create' denied on resource \
                      '//aiplatform.googleapis.com/projects/p/locations/us-central1' (or it may not exist).";

/// Creations that fail in a row without an explanation before a person must be called.
const CREATIONS_MAX: u64 = 12;

/// Refuses creations for the dataset `north`.
async fn refuse_north(harness: &Harness, error: Value, times: u32) -> String {
    let fault = json!({
        "method": "POST", "path": "/tuningJobs$", "body": "north", "times": times,
        "action": { "error": error },
    });
    harness.faults.arm(&fault).await
}

/// Asserts that one job of `run` exists and was created by one call that the service answered well.
async fn one_job(harness: &Harness, run: &Run) {
    let jobs = harness.jobs().await;
    let of_run = |job: &&Value| job["labels"]["lapidary_run"] == run.id.as_str();
    assert_eq!(jobs.iter().filter(of_run).count(), 1, "{jobs:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named_and_holds_no_queue() {
    let (harness, proxy) = start(chain::setup(), 6.0, &[]).await;
    let denied = json!({ "status": "PERMISSION_DENIED", "message": DENIED });
    let fault = refuse_north(&harness, denied, ALWAYS).await;
    let first = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = harness
        .run_from(&first, "the run to be planned", |_| true)
        .await;
    let waits = |run: &Value| text(&run["waits"]["code"]) == "permission";
    let waiting = fields_of(&harness, &run.id, "a permission to be waited for", waits).await;
    let missing = text(&waiting["waits"]["missing"]);
    assert!(
        missing.contains("aiplatform.tuningJobs.create"),
        "{waiting:#}"
    );
    person_is_called(&harness, &run.id, "aiplatform.tuningJobs.create").await;
    // It keeps no place.
    let second = harness.drop_rows("south", RECIPE, &rows(61)).await;
    succeeds(&harness, &second).await;
    harness.faults.disarm(&fault).await;
    // It goes on by itself.
    let run = succeeds(&harness, &first).await;
    one_job(&harness, &run).await;
    assert_eq!(proxy.cancels(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_whose_agents_are_being_provisioned_is_waited_for() {
    let (harness, proxy) = start(chain::setup(), 6.0, &[]).await;
    let message = "Service agents are being provisioned. Please try again in a few minutes.";
    let error = json!({ "status": "FAILED_PRECONDITION", "message": message });
    refuse_north(&harness, error, 1).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    one_job(&harness, &run).await;
    assert_eq!(proxy.creates(), 2, "refused once");
}

/// A creation whose job exists although its answer says otherwise.
async fn check_lost(http: u16, status: Option<&'static str>) -> (Harness, VertexProxy) {
    let lost = ProxyMode::CreateAnswers {
        http,
        status,
        message: "the request took too long",
        times: 1,
        after: true,
    };
    start(chain::setup(), 6.0, &[lost]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_after_the_effect_leads_to_one_job() {
    let (harness, proxy) = check_lost(408, None).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    one_job(&harness, &run).await;
    assert_eq!(proxy.creates(), 1);
    assert_eq!(proxy.cancels(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_job_is_found_where_the_filter_of_lists_is_refused() {
    let (harness, proxy) = check_lost(504, Some("DEADLINE_EXCEEDED")).await;
    let refused = json!({
        "method": "GET", "path": "/tuningJobs$", "query": "filter=", "times": ALWAYS,
        "action": { "error": { "status": "INVALID_ARGUMENT",
            "message": "Invalid filter: field labels is not supported" } },
    });
    harness.faults.arm(&refused).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = succeeds(&harness, &upload).await;
    one_job(&harness, &run).await;
    assert_eq!((proxy.creates(), proxy.cancels()), (1, 0));
    let lists = proxy.count(VertexRequest::is_list);
    let most = 8 * ticks(&harness) + 50;
    assert!(lists <= most, "{lists} lists, and {most} are enough");
    // The queue goes on.
    let next = harness.drop_rows("south", RECIPE, &rows(61)).await;
    succeeds(&harness, &next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_fails_for_ever_calls_a_person_and_holds_no_queue() {
    let (harness, _proxy) = start(chain::setup(), 6.0, &[]).await;
    let error = json!({ "status": "INTERNAL", "message": "Internal error encountered." });
    let fault = refuse_north(&harness, error, ALWAYS).await;
    let first = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = harness
        .run_from(&first, "the run to be planned", |_| true)
        .await;
    let second = harness.drop_rows("south", RECIPE, &rows(61)).await;
    wait::until("an error line about the run", &harness, async || {
        let failed = harness.faults.fired(&fault).await;
        assert!(failed < CREATIONS_MAX, "{failed} creations without a line");
        let lines = errors_about(&harness, &run.id);
        if lines.is_empty() {
            Err(failed)
        } else {
            Ok(())
        }
    })
    .await;
    succeeds(&harness, &second).await;
    harness.faults.disarm(&fault).await;
    // It goes on by itself.
    let run = succeeds(&harness, &first).await;
    one_job(&harness, &run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_in_its_region_with_its_labels() {
    let (harness, proxy) = start(chain::setup(), 6.0, &[]).await;
    let upload = harness.drop_rows("north", RECIPE, &rows(60)).await;
    let run = running(&harness, &upload).await;
    let requests = proxy.requests();
    let created = requests
        .iter()
        .find(|seen| seen.is_create())
        .expect("a creation");
    assert_eq!(created.location(), run.plan.region);
    let labels = &created.body.as_ref().expect("a body")["labels"];
    assert_eq!(labels["app"], "lapidary");
    assert_eq!(labels["lapidary_run"], run.id.as_str());
    assert_eq!(labels["lapidary_attempt"], "1");
}
