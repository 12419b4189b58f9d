//! The promise: whatever fails in a release, at any time, every function ends completely on the previous
//! revision or completely on the new one; and the next release reaches its goal.

use std::process::Command;

use serde_json::{Value, json};
use system_tests::cloud::{Cloud, FUNCTIONS, ReleaseOutput};

use crate::PROGRAM;

/// The release tool.
const ROLLOUT: &str = env!("CARGO_BIN_EXE_rollout-under-test");

async fn cloud(folder: &tempfile::TempDir) -> Cloud {
    Cloud::with_functions(PROGRAM, ROLLOUT, folder.path().to_owned()).await
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Asserts that every function and the job run the images `digit`, and nothing is left over.
async fn runs(cloud: &Cloud, digit: char) {
    for function in FUNCTIONS {
        assert_eq!(cloud.serves(function).await, digit, "{function}");
    }
    assert_eq!(cloud.job_runs().await, digit, "the job");
}

#[track_caller]
fn check(ended: &ReleaseOutput, code: i32, parts: &[&str]) {
    let output = &ended.output;
    assert_eq!(ended.code, Some(code), "{output}");
    for part in parts {
        assert!(output.contains(part), "`{part}` is not in:\n{output}");
    }
}

/// A release fails as `parts` describe, is rolled back completely, and is repeated without the fault.
async fn fails_and_is_repeated(cloud: &Cloud, function: &str, conduct: &str, parts: &[&str]) {
    cloud.conduct(function, conduct).await;
    check(&cloud.released('1').await, 1, parts);
    runs(cloud, '0').await;
    cloud.conduct(function, "works").await;
    check(&cloud.released('1').await, 0, &["RELEASED: 3 functions"]);
    runs(cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_release_updates_all_functions_and_a_second_one_none() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let first = cloud.released('1').await;
    check(&first, 0, &["RELEASED: 3 functions; 0 were up to date"]);
    runs(&cloud, '1').await;
    assert_eq!(cloud.subscriptions().await, 0, "{}", first.output);
    let at = |part: &str| first.output.find(part).unwrap_or_else(|| panic!("{part}"));
    // Consumers are updated before publishers, and all are smoke-tested before any gets a request.
    assert!(at("clean: smoke test") < at("predict: 10 %"));
    assert!(at("predict: all traffic") < at("deploy: 10 %"));
    assert!(at("deploy: all traffic") < at("clean: 10 %"));
    let mut etags = Vec::new();
    for function in FUNCTIONS {
        etags.push(cloud.service(function).await["etag"].clone());
    }
    let second = cloud.released('1').await;
    check(&second, 0, &["RELEASED: 0 functions; 3 were up to date"]);
    for (function, etag) in FUNCTIONS.into_iter().zip(etags) {
        assert_eq!(cloud.service(function).await["etag"], etag, "{function}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_fails_is_rolled_back() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let parts = ["FAILED: clean: wait", "failed to start", "ROLLED BACK"];
    fails_and_is_repeated(&cloud, "clean", "fails", &parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_is_never_ready_is_rolled_back() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let parts = ["timed out after 10 s", "ROLLED BACK: deploy"];
    fails_and_is_repeated(&cloud, "deploy", "never_ready", &parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_smoke_test_is_rolled_back() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let parts = ["FAILED: deploy: smoke test", "no document smokes/deploy-"];
    fails_and_is_repeated(&cloud, "deploy", "answers_500", &parts).await;
    assert_eq!(cloud.subscriptions().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_only_acknowledges_is_detected() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let parts = ["FAILED: clean: smoke test", "ROLLED BACK"];
    fails_and_is_repeated(&cloud, "clean", "does_nothing", &parts).await;
    cloud.conduct("predict", "answers_500").await;
    let ended = cloud.released('2').await;
    check(&ended, 1, &["predict: smoke test", "HTTP 500"]);
    runs(&cloud, '1').await;
}

/// Waits until the canary of `function` gets requests; gives its revision.
async fn shifted(cloud: &Cloud, function: &str) -> String {
    let canary = |service: &Value| {
        let statuses = service["trafficStatuses"].as_array()?.iter();
        let mut canaries = statuses.filter(|status| status["tag"] == "canary");
        let canary = canaries.find(|status| status["percent"].as_u64() > Some(0))?;
        canary["revision"].as_str().map(str::to_owned)
    };
    let has = |service: &Value| canary(service).is_some();
    let service = cloud
        .service_when(function, "requests at the canary", has)
        .await;
    canary(&service).expect("a canary")
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_errors_roll_back_the_finished_functions_too() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let release = cloud.release('1', "1.5s");
    let revision = shifted(&cloud, "deploy").await;
    assert_eq!(cloud.serves("predict").await, '1');
    cloud.measure(&revision, "2xx", 80).await;
    cloud.measure(&revision, "5xx", 20).await;
    let parts = [
        "FAILED: deploy: soak at 10 %: 20 of 100 requests failed",
        "predict: roll back",
    ];
    check(&cloud.ended(release).await, 1, &parts);
    runs(&cloud, '0').await;
    check(&cloud.released('1').await, 0, &[]);
    runs(&cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_conflicts_is_repeated() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let fault = json!({
        "path": "/services/clean$", "method": "PATCH", "skip": 2, "times": 3,
        "action": { "error": { "status": "ABORTED" } },
    });
    let fault = cloud.faults.arm(&fault).await;
    let parts = ["ROLLED BACK: clean: smoke test"];
    fails_and_is_repeated(&cloud, "clean", "answers_500", &parts).await;
    assert_eq!(cloud.faults.fired(&fault).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_denied_is_reported_to_a_person() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let fault = json!({
        "path": "/services/deploy$", "method": "PATCH", "skip": 2, "times": 99,
        "action": { "error": { "status": "PERMISSION_DENIED" } },
    });
    cloud.faults.arm(&fault).await;
    cloud.conduct("clean", "fails").await;
    let parts = [
        "ROLLBACK FAILED: clean: wait",
        "NOT ROLLED BACK: deploy: roll back",
        "gcloud run services update-traffic deploy",
        "predict: roll back",
    ];
    check(&cloud.released('1').await, 1, &parts);
    assert_eq!(cloud.serves("predict").await, '0');
    cloud.faults.clear().await;
    cloud.conduct("clean", "works").await;
    check(&cloud.released('1').await, 0, &[]);
    runs(&cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_change_nothing() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let fault = json!({
        "path": "/services/", "method": "PATCH", "times": 6, "action": { "drop": "after" },
    });
    let fault = cloud.faults.arm(&fault).await;
    check(&cloud.released('1').await, 0, &["RELEASED: 3 functions"]);
    runs(&cloud, '1').await;
    assert_eq!(cloud.faults.fired(&fault).await, 6);
}

/// Sends a signal to a release whose canary of `deploy` has its first requests.
async fn signalled(cloud: &Cloud, signal: &str) -> ReleaseOutput {
    let release = cloud.release('1', "2s");
    let process = release.id().expect("it runs").to_string();
    shifted(cloud, "deploy").await;
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.expect("it is sent").success());
    cloud.ended(release).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_build_rolls_back() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    let parts = ["stopped by a signal", "ROLLED BACK", "predict: roll back"];
    check(&signalled(&cloud, "-TERM").await, 1, &parts);
    runs(&cloud, '0').await;
    check(&cloud.released('1').await, 0, &[]);
    runs(&cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_after_one_that_was_killed_reaches_its_goal() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    assert_eq!(signalled(&cloud, "-KILL").await.code, None);
    check(
        &cloud.released('1').await,
        0,
        &["predict: already runs 11111111"],
    );
    runs(&cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_changed_is_released_like_an_image() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    check(&cloud.released('1').await, 0, &[]);
    let before = cloud.service("clean").await;
    // Cloud Run rejects the next setting if a revision name stays in the template.
    assert!(before["template"]["revision"].is_null());
    cloud
        .change("clean", "/template/timeout", "600s".into())
        .await;
    let unmoved = cloud.service("clean").await;
    assert_eq!(unmoved["trafficStatuses"], before["trafficStatuses"]);
    let made = unmoved["latestCreatedRevision"].clone();
    let parts = ["RELEASED: 1 functions; 2 were up to date"];
    check(&cloud.released('1').await, 0, &parts);
    runs(&cloud, '1').await;
    let after = cloud.service("clean").await;
    assert_eq!(
        after["latestCreatedRevision"], made,
        "the existing revision is used, not a new one"
    );
    let serving = after["trafficStatuses"][0]["revision"]
        .as_str()
        .unwrap_or_default();
    assert!(made.as_str().is_some_and(|made| made.ends_with(serving)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_failed_before_is_created_again() {
    let folder = folder();
    let cloud = cloud(&folder).await;
    cloud.conduct("clean", "fails").await;
    let image = "/template/containers/0/image";
    let wanted = system_tests::cloud::image("clean", '1');
    cloud.change("clean", image, wanted.into()).await;
    let failed = |service: &Value| service["terminalCondition"]["state"] == "CONDITION_FAILED";
    cloud.service_when("clean", "its failure", failed).await;
    cloud.conduct("clean", "works").await;
    check(&cloud.released('1').await, 0, &["RELEASED: 3 functions"]);
    runs(&cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_never_served_gets_all_traffic_at_once() {
    let folder = folder();
    let cloud = Cloud::start(ROLLOUT, folder.path().to_owned()).await;
    for function in FUNCTIONS {
        cloud.conduct(function, "fails").await;
        cloud.create(PROGRAM, function).await;
        let failed = |service: &Value| service["terminalCondition"]["state"] == "CONDITION_FAILED";
        cloud.service_when(function, "its failure", failed).await;
        cloud.conduct(function, "works").await;
    }
    check(
        &cloud.released('1').await,
        0,
        &["the first revision: it cannot be rolled back"],
    );
    runs(&cloud, '1').await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_service_stops_a_release_before_it_begins() {
    let folder = folder();
    let cloud = Cloud::start(ROLLOUT, folder.path().to_owned()).await;
    let parts = [
        "before anything was changed",
        "the service `predict` does not exist",
    ];
    check(&cloud.released('1').await, 1, &parts);
}
