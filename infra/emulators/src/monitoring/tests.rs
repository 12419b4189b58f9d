//! From a log line to its notification, on a fast clock.

use http::StatusCode;
use serde_json::json;

use super::*;

/// A simulated minute takes 20 ms.
const SPEED: f64 = 3_000.0;

struct World {
    monitoring: Monitoring,
    db: Db,
    notifications: tokio::sync::mpsc::UnboundedReceiver<(String, Value)>,
}

impl World {
    fn new() -> Self {
        Self::open(Db::in_memory().unwrap())
    }

    fn open(db: Db) -> Self {
        let (publish, notifications) = tokio::sync::mpsc::unbounded_channel();
        let publish = move |topic: &str, data: Vec<u8>, _: BTreeMap<String, String>| {
            let data = serde_json::from_slice(&data).unwrap();
            drop(publish.send((topic.to_owned(), data)));
        };
        let clock = Clock::starting_now(SPEED);
        let monitoring = Monitoring::open(&db, clock, Arc::new(publish)).unwrap();
        Self {
            monitoring,
            db,
            notifications,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.body(body.to_string().into()).unwrap();
        let response = self.monitoring.rest(request).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        (status, serde_json::from_slice(&body.unwrap()).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.call(Method::POST, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn next_notification(&mut self) -> Value {
        let next = crate::polls::output("a notification", self.notifications.recv()).await;
        let (topic, payload) = next.unwrap();
        assert_eq!(topic, "projects/p/topics/alerts");
        payload
    }

    async fn log(&self, payload: Value) {
        let write = json!({
            "logName": "projects/p/logs/run",
            "resource": { "type": "cloud_run_revision", "labels": { "service_name": "watch" } },
            "entries": [{ "severity": "WARNING", "jsonPayload": payload }],
        });
        self.post("/v2/entries:write", write).await;
    }

    async fn policy(&self, condition: Value, strategy: Value) -> Value {
        let channel =
            json!({ "type": "pubsub", "labels": { "topic": "projects/p/topics/alerts" } });
        let channel = self
            .post("/v3/projects/p/notificationChannels", channel)
            .await;
        let mut condition = condition;
        condition["displayName"] = json!("gap");
        let policy = json!({
            "displayName": "early-stop",
            "userLabels": { "kind": "early_stop" },
            "documentation": {
                "content": "run ${metric.label.run_id} by ${policy.display_name}, ${resource.label.x}",
                "mimeType": "text/markdown",
            },
            "combiner": "OR",
            "conditions": [condition],
            "notificationChannels": [channel["name"]],
            "alertStrategy": strategy,
        });
        self.post("/v3/projects/p/alertPolicies", policy).await
    }
}

fn gap_metric() -> Value {
    json!({
        "name": "tuning/gap",
        "filter": "jsonPayload.event=\"run_health\"",
        "metricDescriptor": {
            "metricKind": "DELTA", "valueType": "DISTRIBUTION",
            "labels": [{ "key": "run_id", "valueType": "STRING" }],
        },
        "valueExtractor": "EXTRACT(jsonPayload.gap)",
        "labelExtractors": { "run_id": "EXTRACT(jsonPayload.run_id)" },
    })
}

fn gap_condition() -> Value {
    json!({ "conditionThreshold": {
        "filter": "metric.type=\"logging.googleapis.com/user/tuning/gap\" AND resource.type=\"cloud_run_revision\"",
        "aggregations": [{
            "alignmentPeriod": "60s", "perSeriesAligner": "ALIGN_PERCENTILE_99",
            "crossSeriesReducer": "REDUCE_MAX", "groupByFields": ["metric.label.run_id"],
        }],
        "comparison": "COMPARISON_GT", "thresholdValue": 0.25, "duration": "0s",
    } })
}

#[tokio::test]
async fn a_log_line_over_the_threshold_notifies_the_channel_of_the_run() {
    let mut world = World::new();
    world.post("/v2/projects/p/metrics", gap_metric()).await;
    world
        .policy(gap_condition(), json!({ "autoClose": "1800s" }))
        .await;
    world
        .log(json!({ "event": "run_health", "run_id": "ok", "gap": 0.1 }))
        .await;
    world
        .log(json!({ "event": "run_health", "run_id": "bad", "gap": 0.75 }))
        .await;
    let opened = world.next_notification().await;
    assert_eq!(opened["version"], "1.2");
    let incident = &opened["incident"];
    assert_eq!(incident["state"], "open");
    assert_eq!(incident["ended_at"], Value::Null);
    assert_eq!(incident["metric"]["labels"]["run_id"], "bad");
    assert_eq!(incident["threshold_value"], "0.25");
    assert_eq!(incident["observed_value"], "0.75");
    assert_eq!(incident["policy_user_labels"]["kind"], "early_stop");
    assert_eq!(incident["scoping_project_id"], "p");
    let text = "run bad by early-stop, null";
    assert_eq!(incident["documentation"]["content"], text);
    let closed = world.next_notification().await;
    assert_eq!(closed["incident"]["state"], "closed", "after autoClose");
    assert_eq!(closed["incident"]["incident_id"], incident["incident_id"]);
}

#[tokio::test]
async fn a_matched_log_is_notified_once_in_a_period() {
    let mut world = World::new();
    let condition = json!({ "conditionMatchedLog": {
        "filter": "severity>=WARNING AND jsonPayload.event=\"diverged\"",
        "labelExtractors": { "run_id": "EXTRACT(jsonPayload.run_id)" },
    } });
    let strategy = json!({ "notificationRateLimit": { "period": "1000000s" } });
    world.policy(condition, strategy).await;
    for run in ["a", "b"] {
        world
            .log(json!({ "event": "diverged", "run_id": run }))
            .await;
    }
    let notifications = world.next_notification().await;
    assert_eq!(notifications["incident"]["metric"]["labels"]["run_id"], "a");
    assert!(notifications["incident"].get("observed_value").is_none());
    let wait = world.monitoring.inner.clock.wall(Duration::from_mins(10));
    let more = tokio::time::timeout(wait, world.notifications.recv()).await;
    assert!(more.is_err(), "the second is within the period: {more:?}");
}

#[tokio::test]
async fn points_written_by_clients_are_evaluated() {
    let mut world = World::new();
    let condition = json!({ "conditionThreshold": {
        "filter": "metric.type=\"custom.googleapis.com/loss\" AND resource.type=\"global\"",
        "comparison": "COMPARISON_LT", "thresholdValue": 0.0,
    } });
    world
        .policy(condition, json!({ "notificationPrompts": ["OPENED"] }))
        .await;
    let series = json!({ "timeSeries": [{
        "metric": { "type": "custom.googleapis.com/loss", "labels": { "run_id": "r" } },
        "resource": { "type": "global", "labels": {} },
        "points": [{
            "interval": { "endTime": world.monitoring.inner.clock.now() },
            "value": { "doubleValue": -1.0 },
        }],
    }] });
    world.post("/v3/projects/p/timeSeries", series).await;
    let notifications = world.next_notification().await;
    assert_eq!(notifications["incident"]["metric"]["labels"]["run_id"], "r");
    assert_eq!(notifications["incident"]["observed_value"], "-1");
}

#[tokio::test]
async fn metrics_policies_and_channels_survive_a_restart() {
    let world = World::new();
    world.post("/v2/projects/p/metrics", gap_metric()).await;
    let policy = world.policy(gap_condition(), json!({})).await;
    let mut world = World::open(world.db.clone());
    let path = format!("/v3/{}", policy["name"].as_str().unwrap());
    assert_eq!(world.call(Method::GET, &path, json!({})).await.1, policy);
    world
        .log(json!({ "event": "run_health", "run_id": "r", "gap": 0.9 }))
        .await;
    assert_eq!(world.next_notification().await["incident"]["state"], "open");
    let masked = format!("{path}?updateMask=enabled");
    let (status, patched) = world
        .call(Method::PATCH, &masked, json!({ "enabled": false }))
        .await;
    assert_eq!(
        (status, &patched["enabled"]),
        (StatusCode::OK, &json!(false))
    );
    assert_eq!(patched["displayName"], "early-stop");
    let (status, _) = world.call(Method::DELETE, &path, json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = world.call(Method::GET, &path, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let metric = "/v2/projects/p/metrics/tuning%2Fgap";
    let (status, found) = world.call(Method::GET, metric, json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        found["metricDescriptor"]["type"],
        "logging.googleapis.com/user/tuning/gap"
    );
}

#[tokio::test]
async fn entries_are_listed_by_filter_order_and_page() {
    let world = World::new();
    for step in 0..5 {
        world.log(json!({ "event": "tick", "step": step })).await;
    }
    let mut request = json!({
        "resourceNames": ["projects/p"], "filter": "jsonPayload.step > 0",
        "orderBy": "timestamp desc", "pageSize": 3,
    });
    let page = world.post("/v2/entries:list", request.clone()).await;
    let steps = |page: &Value| -> Vec<i64> {
        let entries = page["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["jsonPayload"]["step"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(steps(&page), [4, 3, 2]);
    request["pageToken"] = page["nextPageToken"].clone();
    let page = world.post("/v2/entries:list", request).await;
    assert_eq!(steps(&page), [1]);
    assert!(page.get("nextPageToken").is_none());
    let bad = json!({ "resourceNames": ["projects/p"], "filter": "step ? 3" });
    let (status, body) = world.call(Method::POST, "/v2/entries:list", bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["error"]["message"].as_str().unwrap().contains("`?`"),
        "{body}"
    );
}
