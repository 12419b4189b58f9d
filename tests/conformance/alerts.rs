//! From a log line to an incident: the policy of `infra/topology.json`, created as Terraform creates it.

use local::topology::Topology;
use serde_json::{Value, json};
use system_tests::wait;

use crate::target::SuiteTarget;

/// A minute takes a fiftieth of a second, because an incident closes half an hour after the last line.
const SPEED: f64 = 3_000.0;

/// The topic that stands for the e-mail of people.
const PEOPLE: &str = "people";

/// The metrics, the channels, the policies, and a subscription to each of their topics.
async fn watched() -> SuiteTarget {
    let target = SuiteTarget::ours(SPEED).await;
    let topology = Topology::load().unwrap();
    let project = format!("projects/{}", target.project);
    for (name, metric) in &topology.metrics {
        let labels: Vec<Value> = metric
            .labels
            .keys()
            .map(|key| json!({ "key": key }))
            .collect();
        let body = json!({
            "name": name,
            "filter": metric.filter,
            "labelExtractors": metric.labels,
            "metricDescriptor": { "metricKind": "DELTA", "valueType": "INT64", "labels": labels },
        });
        let path = format!("/v2/{project}/metrics");
        target.done("POST", &path, body).await;
    }
    for (name, alert) in &topology.alerts {
        let topic_name = alert.topic.as_deref().unwrap_or(PEOPLE);
        let topic = format!("{project}/topics/{topic_name}");
        made(&target, &format!("/v1/{topic}"), json!({})).await;
        let subscriber = format!("/v1/{project}/subscriptions/{topic_name}");
        made(&target, &subscriber, json!({ "topic": topic })).await;
        let channel =
            json!({ "type": "pubsub", "displayName": name, "labels": { "topic": topic } });
        let path = format!("/v3/{project}/notificationChannels");
        let channel = target.done("POST", &path, channel).await;
        let group_by: Vec<String> = alert
            .group_by
            .iter()
            .map(|label| format!("metric.label.{label}"))
            .collect();
        let policy = json!({
            "displayName": name,
            "combiner": "OR",
            "documentation": { "content": alert.documentation, "mimeType": "text/markdown" },
            "notificationChannels": [channel["name"]],
            "alertStrategy": { "autoClose": format!("{}s", alert.auto_close_s) },
            "conditions": [{
                "displayName": name,
                "conditionThreshold": {
                    "filter": format!(
                        "metric.type=\"logging.googleapis.com/user/{}\" AND resource.type=\"cloud_run_revision\"",
                        alert.metric
                    ),
                    "comparison": "COMPARISON_GT",
                    "thresholdValue": alert.above,
                    "duration": format!("{}s", alert.duration_s),
                    "aggregations": [{
                        "alignmentPeriod": format!("{}s", alert.period_s),
                        "perSeriesAligner": "ALIGN_SUM",
                        "crossSeriesReducer": "REDUCE_SUM",
                        "groupByFields": group_by,
                    }],
                },
            }],
        });
        let path = format!("/v3/{project}/alertPolicies");
        target.done("POST", &path, policy).await;
    }
    target
}

/// Creates what several policies have in common.
async fn made(target: &SuiteTarget, path: &str, body: Value) {
    let (status, answer) = target.call("PUT", path, body).await;
    assert!([200, 409].contains(&status), "{path}: {status} {answer}");
}

/// Writes a line as `watch` logs it.
async fn log(target: &SuiteTarget, payload: Value) {
    let entries = json!({
        "logName": format!("projects/{}/logs/run", target.project),
        "resource": { "type": "cloud_run_revision", "labels": { "service_name": "watch" } },
        "entries": [{ "severity": "WARNING", "jsonPayload": payload }],
    });
    target.done("POST", "/v2/entries:write", entries).await;
}

/// Waits for a notification of a function by `topic`, or of people.
async fn notification(target: &SuiteTarget, topic: &str) -> Value {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let subscriber = format!("/v1/projects/{}/subscriptions/{topic}", target.project);
    let pull = json!({ "maxMessages": 1, "returnImmediately": true });
    let received = wait::until("a notification", &(), async || {
        let pulled = target
            .done("POST", &format!("{subscriber}:pull"), pull.clone())
            .await;
        pulled["receivedMessages"].get(0).cloned().ok_or(pulled)
    })
    .await;
    let acknowledge = json!({ "ackIds": [received["ackId"]] });
    target
        .done("POST", &format!("{subscriber}:acknowledge"), acknowledge)
        .await;
    let data = received["message"]["data"].as_str().unwrap();
    serde_json::from_slice(&BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_opens_one_incident_of_its_run_and_silence_closes_it() {
    let target = watched().await;
    log(
        &target,
        json!({ "event": { "name": "run_progress" }, "run": { "id": "well" } }),
    )
    .await;
    let finding = json!({ "event": { "name": "run_finding" }, "run": { "id": "ill" }, "finding": "diverged" });
    log(&target, finding).await;

    let opened = notification(&target, "alert").await;
    assert_eq!(opened["version"], "1.2");
    let incident = &opened["incident"];
    assert_eq!(incident["state"], "open");
    assert_eq!(incident["policy_name"], "run-unhealthy");
    assert_eq!(incident["scoping_project_id"], target.project);
    assert_eq!(incident["metric"]["labels"]["run_id"], "ill");
    assert_eq!(incident["metric"]["labels"]["finding"], "diverged");
    assert_eq!(incident["ended_at"], Value::Null);
    assert!(incident["started_at"].is_i64(), "{incident}");
    let documentation = incident["documentation"]["content"].as_str().unwrap();
    assert!(
        documentation.contains("`ill` shows `diverged`"),
        "{documentation}"
    );

    let closed = notification(&target, "alert").await;
    assert_eq!(closed["incident"]["state"], "closed");
    assert_eq!(closed["incident"]["incident_id"], incident["incident_id"]);
    assert!(closed["incident"]["ended_at"].is_i64(), "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_person_notifies_people_with_the_run() {
    let target = watched().await;
    for (line, policy) in [
        (
            json!({ "event": { "name": "cancel_without_effect" } }),
            "cancel-without-effect",
        ),
        (
            json!({ "event": { "name": "job_vanished" } }),
            "job-vanished",
        ),
        (json!({ "event": { "name": "model_left" } }), "model-left"),
        (
            json!({ "event": { "name": "model_retires" } }),
            "model-retires",
        ),
        (json!({ "event": { "name": "orphan_job" } }), "orphan-jobs"),
    ] {
        let mut line = line;
        line["run"] = json!({ "id": policy });
        log(&target, line).await;
        // Incidents of earlier rows close in between.
        let incident = loop {
            let notified = notification(&target, PEOPLE).await;
            if notified["incident"]["state"] == "open" {
                break notified["incident"].clone();
            }
        };
        assert_eq!(incident["policy_name"], policy);
        assert_eq!(incident["metric"]["labels"]["run_id"], policy);
        let documentation = incident["documentation"]["content"].as_str().unwrap();
        assert!(
            documentation.contains(&format!("`{policy}`")),
            "{documentation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_shows_a_stuck_job_notifies_people() {
    let target = watched().await;
    let finding =
        json!({ "event": { "name": "run_finding" }, "run": { "id": "ill" }, "finding": "stuck" });
    log(&target, finding).await;
    let opened = notification(&target, PEOPLE).await;
    assert_eq!(opened["incident"]["policy_name"], "run-stuck");
    assert_eq!(opened["incident"]["metric"]["labels"]["finding"], "stuck");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_stays_undone_notifies_people_with_its_subject() {
    let target = watched().await;
    let line = json!({ "event": { "name": "work_undone" }, "work": "upload", "subject": "ab12" });
    log(&target, line).await;
    let opened = notification(&target, PEOPLE).await;
    assert_eq!(opened["incident"]["policy_name"], "work-undone");
    let labels = &opened["incident"]["metric"]["labels"];
    assert_eq!(labels["work"], "upload");
    assert_eq!(labels["subject"], "ab12");
}
