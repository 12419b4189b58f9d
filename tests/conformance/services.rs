//! Cloud Run services through REST: revisions, traffic, tags, conflicts, and revisions that a test breaks.

use serde_json::{Value, json};
use system_tests::wait;

use crate::target::SuiteTarget;

const OLD: &str = "r-docker.pkg.dev/p/l/web@sha256:01";
const NEW: &str = "r-docker.pkg.dev/p/l/web@sha256:02";

fn services(target: &SuiteTarget) -> String {
    let project = &target.project;
    format!("/v2/projects/{project}/locations/us-central1/services")
}

fn template(image: &str) -> Value {
    json!({ "containers": [{ "image": image }] })
}

/// Creates a service that is ready; gives its path.
async fn service(target: &SuiteTarget) -> String {
    let path = services(target);
    let body = json!({ "template": template(OLD) });
    let made = target
        .done("POST", &format!("{path}?serviceId=web"), body)
        .await;
    assert_eq!(made["done"], false, "{made}");
    let path = format!("{path}/web");
    ready(target, &path).await;
    path
}

async fn seen(
    target: &SuiteTarget,
    path: &str,
    what: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    wait::until(what, &(), async || {
        let seen = target.done("GET", path, Value::Null).await;
        if is_it(&seen) { Ok(seen) } else { Err(seen) }
    })
    .await
}

async fn ready(target: &SuiteTarget, path: &str) -> Value {
    seen(target, path, "the service to be ready", |service| {
        service["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"
            && service["observedGeneration"] == service["generation"]
    })
    .await
}

/// A change that adds `NEW` as revision `web-b`, tagged, without traffic.
fn canary(service: &Value) -> Value {
    let old = revision_id(&service["latestReadyRevision"]);
    let mut template = template(NEW);
    template["revision"] = "web-b".into();
    json!({
        "etag": service["etag"],
        "template": template,
        "traffic": [
            { "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": old, "percent": 100 },
            { "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "web-b", "tag": "canary" },
        ],
    })
}

fn revision_id(name: &Value) -> String {
    name.as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_template_makes_a_revision_that_is_ready_after_a_moment() {
    let target = SuiteTarget::ours(1.0).await;
    let path = service(&target).await;
    let before = target.done("GET", &path, Value::Null).await;
    assert_eq!(
        before["trafficStatuses"],
        json!([{ "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100 }])
    );
    let masked = format!("{path}?updateMask=template,traffic");
    let operation = target.done("PATCH", &masked, canary(&before)).await;
    let taken = &operation["metadata"];
    assert_eq!(taken["reconciling"], true);
    assert_eq!(revision_id(&taken["latestCreatedRevision"]), "web-b");
    assert_ne!(taken["latestReadyRevision"], taken["latestCreatedRevision"]);
    let after = ready(&target, &path).await;
    assert_eq!(revision_id(&after["latestReadyRevision"]), "web-b");
    assert_eq!(after["trafficStatuses"][0]["percent"], 100);
    assert_eq!(after["trafficStatuses"][1]["tag"], "canary");
    assert!(after["trafficStatuses"][1]["percent"].is_null());
    let revision = target
        .done("GET", &format!("{path}/revisions/web-b"), Value::Null)
        .await;
    assert_eq!(revision["containers"][0]["image"], NEW);
    assert_eq!(revision["conditions"][0]["type"], "Ready");
    let name = operation["name"].as_str().unwrap();
    let operation = target
        .done("GET", &format!("/v2/{name}"), Value::Null)
        .await;
    assert_eq!(operation["done"], true);
    assert_eq!(operation["response"]["name"], before["name"]);
    let listed = format!("{path}/revisions");
    let listed = target.done("GET", &listed, Value::Null).await;
    assert_eq!(listed["revisions"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_older_version_is_a_conflict() {
    let target = SuiteTarget::ours(1.0).await;
    let path = service(&target).await;
    let before = target.done("GET", &path, Value::Null).await;
    let masked = format!("{path}?updateMask=template,traffic");
    target.done("PATCH", &masked, canary(&before)).await;
    let (code, answer) = target.call("PATCH", &masked, canary(&before)).await;
    assert_eq!((code, &answer["error"]["status"]), (409, &json!("ABORTED")));
    let mut again = canary(&ready(&target, &path).await);
    again["template"]["containers"][0]["image"] = OLD.into();
    let (code, answer) = target.call("PATCH", &masked, again).await;
    let status = &answer["error"]["status"];
    assert_eq!((code, status), (409, &json!("ALREADY_EXISTS")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_change_is_rejected() {
    let target = SuiteTarget::ours(1.0).await;
    let path = service(&target).await;
    let to = |revision: &str, percent: u32| {
        let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        json!([{ "type": kind, "revision": revision, "percent": percent }])
    };
    for (mask, body) in [
        ("traffic", json!({ "traffic": to("web-00001-gen", 90) })),
        ("traffic", json!({ "traffic": to("web-none", 100) })),
        ("traffic", json!({ "traffic": to("", 100) })),
        ("template", json!({ "template": { "containers": [] } })),
        (
            "template",
            json!({ "template": { "revision": "other-b", "containers": [{ "image": NEW }] } }),
        ),
    ] {
        let masked = format!("{path}?updateMask={mask}");
        let (code, answer) = target.call("PATCH", &masked, body.clone()).await;
        let status = &answer["error"]["status"];
        assert_eq!((code, status), (400, &json!("INVALID_ARGUMENT")), "{body}");
    }
    let missing = format!("{}/none", services(&target));
    assert_eq!(target.call("GET", &missing, Value::Null).await.0, 404);
    let latest = format!("{path}/revisions/web-00001-gen");
    let (code, answer) = target.call("DELETE", &latest, Value::Null).await;
    let status = &answer["error"]["status"];
    assert_eq!((code, status), (400, &json!("FAILED_PRECONDITION")));
}

/// Makes the next revision of the service behave as `conduct` says, and deploys it.
async fn broken(target: &SuiteTarget, path: &str, conduct: &str) -> Value {
    let body = json!({ "service": "web", "conduct": conduct });
    target.done("POST", "/emulator/run/conduct", body).await;
    let before = target.done("GET", path, Value::Null).await;
    let masked = format!("{path}?updateMask=template,traffic");
    target.done("PATCH", &masked, canary(&before)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_fails_does_not_move_the_traffic() {
    let target = SuiteTarget::ours(1.0).await;
    let path = service(&target).await;
    let operation = broken(&target, &path, "fails").await;
    let failed = seen(&target, &path, "the failure", |service| {
        service["terminalCondition"]["state"] == "CONDITION_FAILED"
    })
    .await;
    assert_eq!(revision_id(&failed["latestCreatedRevision"]), "web-b");
    assert_eq!(revision_id(&failed["latestReadyRevision"]), "web-00001-gen");
    assert_eq!(failed["trafficStatuses"][0]["revision"], "web-00001-gen");
    let name = operation["name"].as_str().unwrap();
    let operation = target
        .done("GET", &format!("/v2/{name}"), Value::Null)
        .await;
    assert_eq!(operation["done"], true);
    assert!(operation["error"]["message"].is_string(), "{operation}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_moves_even_while_a_revision_never_gets_ready() {
    let target = SuiteTarget::ours(1.0).await;
    let path = service(&target).await;
    broken(&target, &path, "never_ready").await;
    let tagged = |service: &Value| service["trafficStatuses"][1]["tag"] == "canary";
    let before = seen(&target, &path, "the tag", tagged).await;
    assert_eq!(before["reconciling"], true);
    let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
    let back = json!({
        "etag": before["etag"],
        "traffic": [{ "type": kind, "revision": "web-00001-gen", "percent": 100 }],
    });
    let masked = format!("{path}?updateMask=traffic");
    target.done("PATCH", &masked, back).await;
    let after = seen(&target, &path, "the tag to go", |service| {
        service["trafficStatuses"].as_array().unwrap().len() == 1
    })
    .await;
    assert_eq!(after["reconciling"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_routes_to_the_process_of_its_revision() {
    let target = SuiteTarget::ours(1.0).await;
    let path = service(&target).await;
    let at = |service: &Value| {
        service["trafficStatuses"][1]["uri"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for (conduct, code) in [("answers_500", 500), ("does_nothing", 204), ("works", 400)] {
        let before = target.done("GET", &path, Value::Null).await;
        let body = json!({ "service": "web", "conduct": conduct });
        target.done("POST", "/emulator/run/conduct", body).await;
        let mut change = canary(&before);
        let revision = format!("web-{code}");
        change["template"]["revision"] = revision.clone().into();
        change["traffic"][1]["revision"] = revision.into();
        let masked = format!("{path}?updateMask=template,traffic");
        target.done("PATCH", &masked, change).await;
        let url = at(&ready(&target, &path).await);
        let answer = target.http.post(format!("{url}/smoke")).send().await;
        assert_eq!(answer.unwrap().status().as_u16(), code, "{conduct}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn measured_requests_are_listed_by_revision_and_time() {
    let target = SuiteTarget::ours(1.0).await;
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let series = |revision: &str, class: &str, count: u32, ago: i64| {
        json!({
            "metric": {
                "type": "run.googleapis.com/request_count",
                "labels": { "response_code_class": class },
            },
            "resource": {
                "type": "cloud_run_revision",
                "labels": { "service_name": "web", "revision_name": revision },
            },
            "points": [{
                "interval": { "endTime": now - chrono::TimeDelta::seconds(ago) },
                "value": { "int64Value": count.to_string() },
            }],
        })
    };
    let points = json!({ "timeSeries": [
        series("web-a", "2xx", 90, 10), series("web-a", "5xx", 10, 10),
        series("web-a", "2xx", 7, 600), series("web-b", "2xx", 50, 10),
    ]});
    target
        .done("POST", "/emulator/monitoring/points", points)
        .await;
    let url = format!("{}/v3/projects/{}/timeSeries", target.url, target.project);
    let filter = "metric.type=\"run.googleapis.com/request_count\" AND resource.labels.revision_name=\"web-a\"";
    let (start, end) = (now - chrono::TimeDelta::minutes(1), now);
    let listed = target.http.get(url).query(&[
        ("filter", filter),
        ("interval.startTime", &start.to_rfc3339()),
        ("interval.endTime", &end.to_rfc3339()),
    ]);
    let listed: Value = listed.send().await.unwrap().json().await.unwrap();
    let listed = listed["timeSeries"].as_array().unwrap();
    let counts: Vec<(&Value, &Value)> = listed
        .iter()
        .map(|one| {
            let labels = &one["metric"]["labels"];
            (
                &labels["response_code_class"],
                &one["points"][0]["value"]["doubleValue"],
            )
        })
        .collect();
    assert_eq!(
        counts,
        [(&json!("2xx"), &json!(90.0)), (&json!("5xx"), &json!(10.0))]
    );
}
