//! The service as its clients see it: requests in, JSON out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::Vertex;
use crate::{clock::Clock, db::Db};

const PARENT: &str = "/v1/projects/demo/locations/us-central1";

/// A service whose time is set by the test: at speed 0 a clock stands at its origin.
struct World {
    db: Db,
    files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    vertex: Vertex,
    now: chrono::DateTime<Utc>,
}

impl World {
    fn new() -> Self {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let db = Db::in_memory().unwrap();
        let files = Arc::new(Mutex::new(BTreeMap::new()));
        let mut world = Self {
            vertex: open(&db, &files, now),
            db,
            files,
            now,
        };
        world.upload("train.jsonl", &training(200));
        world.upload("val.jsonl", &training(20));
        world
    }

    fn upload(&mut self, name: &str, file: &str) {
        let bytes = Bytes::from(file.to_owned());
        self.files
            .lock()
            .unwrap()
            .insert(format!("b/{name}"), bytes);
    }

    /// Starts the service anew, `seconds` later: nothing but the store goes over.
    fn restart_after(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.vertex = open(&self.db, &self.files, self.now);
    }

    async fn raw(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, http::HeaderMap, String) {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .body(body)
            .unwrap();
        let response = self.vertex.rest(request).await;
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        (
            head.status.as_u16(),
            head.headers,
            String::from_utf8(bytes.to_vec()).unwrap(),
        )
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, headers, text) = self.raw(method, path, body).await;
        assert_eq!(headers["x-emulated-by"], "lapidary");
        (status, serde_json::from_str(&text).unwrap())
    }

    #[track_caller]
    fn ok((status, body): (u16, Value)) -> Value {
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn get(&self, path: &str) -> Value {
        Self::ok(self.call("GET", path, None).await)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        Self::ok(self.call("POST", path, Some(body)).await)
    }

    async fn create(&self, change: impl FnOnce(&mut Value)) -> (u16, Value) {
        let mut body = json!({
            "baseModel": "gemini-3.1-flash-lite",
            "supervisedTuningSpec": {
                "trainingDatasetUri": "gs://b/train.jsonl",
                "validationDatasetUri": "gs://b/val.jsonl",
                "hyperParameters": {"epochCount": "3", "learningRateMultiplier": 1.0, "adapterSize": 2},
            },
            "tunedModelDisplayName": "m",
            "labels": {"run": "r1"},
        });
        change(&mut body);
        self.call(
            "POST",
            &format!("{PARENT}/tuningJobs?%24alt=json%3Benum-encoding%3Dint"),
            Some(body),
        )
        .await
    }

    async fn created(&self) -> String {
        let job = Self::ok(self.create(|_| ()).await);
        format!("/v1/{}", job["name"].as_str().unwrap())
    }
}

fn open(
    db: &Db,
    files: &Arc<Mutex<BTreeMap<String, Bytes>>>,
    now: chrono::DateTime<Utc>,
) -> Vertex {
    let files = Arc::clone(files);
    let read = move |bucket: &str, object: &str| {
        files
            .lock()
            .unwrap()
            .get(&format!("{bucket}/{object}"))
            .cloned()
    };
    Vertex::open(db.clone(), Clock::new(now, 0.0), Arc::new(read)).unwrap()
}

fn training(rows: u64) -> String {
    let rows: Vec<String> = (0..rows)
        .map(|n| {
            json!({"contents": [
                {"role": "user", "parts": [{"text": format!("Describe the stone number{n} of the mine")}]},
                {"role": "model", "parts": [{"text": format!("A rare gem cut with care, number{n}")}]},
            ]})
            .to_string()
        })
        .collect();
    rows.join("\n")
}

fn text(response: &Value) -> &str {
    response["candidates"][0]["content"]["parts"][0]["text"]
        .as_str()
        .unwrap()
}

fn question(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

#[tokio::test]
async fn a_job_leads_to_an_endpoint_that_knows_its_training_file() {
    let mut world = World::new();
    let name = world.created().await;
    let job = world.get(&name).await;
    assert_eq!(job["state"], "JOB_STATE_PENDING");
    assert_eq!(
        job["supervisedTuningSpec"]["hyperParameters"]["adapterSize"],
        "ADAPTER_SIZE_FOUR"
    );
    assert!(job.get("tuningDataStats").is_none() && job.get("experiment").is_none());

    world.restart_after(900);
    let job = world.get(&name.replace("/v1/", "/v1beta1/")).await;
    assert_eq!(job["state"], "JOB_STATE_RUNNING");
    assert_eq!(job["tuningJobState"], "TUNING");
    let stats = &job["tuningDataStats"]["supervisedTuningDataStats"];
    assert_eq!(stats["tuningDatasetExampleCount"], "200");
    assert_eq!(stats["tuningStepCount"], "75");
    assert!(
        world.get(&name).await.get("tuningJobState").is_none(),
        "v1 has no sub-state"
    );

    world.restart_after(7200);
    let job = world.get(&name).await;
    assert_eq!(job["state"], "JOB_STATE_SUCCEEDED");
    let endpoint = job["tunedModel"]["endpoint"].as_str().unwrap();
    assert!(endpoint.contains("/locations/us/endpoints/"), "{endpoint}");
    let ask = |model: String| {
        let world = &world;
        async move {
            let path = format!("/v1/{model}:generateContent");
            world
                .post(&path, question("Describe the stone number7 of the mine"))
                .await
        }
    };
    let tuned = ask(endpoint.to_owned()).await;
    let base = ask(
        "projects/demo/locations/global/publishers/google/models/gemini-3.1-flash-lite".to_owned(),
    )
    .await;
    assert_ne!(text(&tuned), text(&base));
    assert!(text(&tuned).contains("gem cut with care"), "{tuned}");
    assert_eq!(base["modelVersion"], "gemini-3.1-flash-lite-simulated");
    assert!(base["candidates"][0].get("avgLogprobs").is_none());
}

#[tokio::test]
async fn a_creation_is_checked_before_it_is_accepted() {
    #[track_caller]
    fn check(answer: &(u16, Value), status: &str, part: &str) {
        let error = &answer.1["error"];
        assert_eq!(error["status"], status, "{error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    let world = World::new();
    let spec = |key: &'static str, value: Value| {
        move |body: &mut Value| body["supervisedTuningSpec"][key] = value
    };
    let hyper = |key: &'static str, value: Value| {
        move |body: &mut Value| body["supervisedTuningSpec"]["hyperParameters"][key] = value
    };
    let base = |model: &'static str| move |body: &mut Value| body["baseModel"] = json!(model);
    check(
        &world.create(base("gemini-2.5-flash")).await,
        "NOT_FOUND",
        "was not found",
    );
    check(
        &world.create(base("gemini-3.8-flash")).await,
        "INVALID_ARGUMENT",
        "does not support tuning",
    );
    check(
        &world.create(base("gpt")).await,
        "INVALID_ARGUMENT",
        "is not known",
    );
    check(
        &world.create(spec("trainingDatasetUri", json!("b/t"))).await,
        "INVALID_ARGUMENT",
        "gs://",
    );
    check(
        &world
            .create(spec("trainingDatasetUri", json!("gs://b/none")))
            .await,
        "INVALID_ARGUMENT",
        "cannot be read",
    );
    check(
        &world.create(hyper("epochCount", json!(-1))).await,
        "INVALID_ARGUMENT",
        "`epoch_count`",
    );
    check(
        &world
            .create(hyper("learningRateMultiplier", json!(0)))
            .await,
        "INVALID_ARGUMENT",
        "greater than 0",
    );
    check(
        &world.create(hyper("adapterSize", json!(5))).await,
        "INVALID_ARGUMENT",
        "ADAPTER_SIZE_THIRTY_TWO",
    );
    check(
        &world.create(hyper("batchSize", json!(4))).await,
        "INVALID_ARGUMENT",
        "Unknown name \"batchSize\"",
    );
    check(
        &world
            .create(|body| body["tunedModelDisplayName"] = json!("n".repeat(129)))
            .await,
        "INVALID_ARGUMENT",
        "128",
    );
    check(
        &world
            .create(|body| body["labels"] = json!({"Run": "x"}))
            .await,
        "INVALID_ARGUMENT",
        "label",
    );
    check(
        &world
            .create(|body| body["preferenceOptimizationSpec"] = json!({}))
            .await,
        "INVALID_ARGUMENT",
        "Preference tuning",
    );
    for (location, status) in [
        ("global", "FAILED_PRECONDITION"),
        ("us-west1", "INVALID_ARGUMENT"),
    ] {
        let path = format!("/v1/projects/demo/locations/{location}/tuningJobs");
        check(
            &world.call("POST", &path, Some(json!({}))).await,
            status,
            "not available",
        );
    }
}

#[tokio::test]
async fn cancelling_is_idempotent_and_too_late_in_the_end() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(600);
    for _ in 0..2 {
        assert_eq!(
            world.post(&format!("{name}:cancel"), json!({})).await,
            json!({})
        );
    }
    assert_eq!(world.get(&name).await["state"], "JOB_STATE_CANCELLING");
    world.restart_after(120);
    let job = world.get(&name).await;
    assert_eq!(
        (&job["state"], &job["error"]["code"]),
        (&json!("JOB_STATE_CANCELLED"), &json!(1))
    );

    let name = world.created().await;
    world.restart_after(3 * 3600);
    world.post(&format!("{name}:cancel"), json!({})).await;
    assert_eq!(world.get(&name).await["state"], "JOB_STATE_SUCCEEDED");
    let (status, _) = world
        .call("POST", &format!("{PARENT}/tuningJobs/1:cancel"), None)
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn over_quota_a_job_is_rejected_or_waits() {
    let mut world = World::new();
    world.created().await;
    let (status, body) = world.create(|_| ()).await;
    assert_eq!(status, 429);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("global_concurrent_tuning_jobs")
    );

    world
        .post("/emulator/vertex", json!({"over_quota": "wait"}))
        .await;
    let waiting = world.created().await.replace("/v1/", "/v1beta1/");
    world.restart_after(600);
    let job = world.get(&waiting).await;
    assert_eq!(
        (&job["state"], &job["tuningJobState"]),
        (&json!("JOB_STATE_PENDING"), &json!("WAITING_FOR_QUOTA"))
    );
    assert_eq!(
        world.get("/emulator/vertex").await["over_quota"],
        "wait",
        "settings survive a restart"
    );
    world.restart_after(2 * 3600);
    assert_ne!(world.get(&waiting).await["state"], "JOB_STATE_PENDING");

    let (status, _) = world
        .call("POST", "/emulator/vertex", Some(json!({"slots": 2})))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn lists_are_filtered_paged_and_late() {
    let mut world = World::new();
    world
        .post(
            "/emulator/vertex",
            json!({"concurrent_jobs": 9, "list_lag_s": 30}),
        )
        .await;
    for run in ["r1", "r2", "r1"] {
        World::ok(
            world
                .create(|body| body["labels"]["run"] = json!(run))
                .await,
        );
        world.restart_after(1);
    }
    let jobs = format!("{PARENT}/tuningJobs");
    assert_eq!(
        world.get(&jobs).await,
        json!({}),
        "a new job is not listed at once"
    );
    world.restart_after(60);
    let list = world.get(&format!("{jobs}?pageSize=2&pageToken=")).await;
    let token = list["nextPageToken"].as_str().unwrap();
    assert_eq!(list["tuningJobs"].as_array().unwrap().len(), 2);
    let rest = world
        .get(&format!("{jobs}?pageSize=2&pageToken={token}"))
        .await;
    assert_eq!(rest["tuningJobs"].as_array().unwrap().len(), 1);
    assert!(rest.get("nextPageToken").is_none());
    for (filter, number) in [
        ("labels.run%3D%22r1%22", 2),
        (
            "labels.run=%22r1%22%20AND%20state=%22JOB_STATE_SUCCEEDED%22",
            0,
        ),
        ("state=%22JOB_STATE_RUNNING%22", 3),
    ] {
        let list = world.get(&format!("{jobs}?filter={filter}")).await;
        assert_eq!(
            list["tuningJobs"].as_array().map_or(0, Vec::len),
            number,
            "{filter}"
        );
    }
    let (status, _) = world
        .call("GET", &format!("{jobs}?filter=nonsense"), None)
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn curves_are_read_by_way_of_the_experiment() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(900);
    let experiment = world.get(&name).await["experiment"]
        .as_str()
        .unwrap()
        .to_owned();
    let context = world.get(&format!("/v1/{experiment}")).await;
    let board = context["metadata"]["backing_tensorboard_resource"]
        .as_str()
        .unwrap()
        .to_owned();
    let filter = format!(
        "schema_title=%22system.ExperimentRun%22%20AND%20parent_contexts:%22{experiment}%22"
    );
    let contexts = world
        .get(&format!(
            "{PARENT}/metadataStores/default/contexts?filter={filter}"
        ))
        .await;
    let run_context = contexts["contexts"][0]["name"].as_str().unwrap();
    let run_id = run_context.strip_prefix(&format!("{experiment}-")).unwrap();
    let experiment_id = experiment.rsplit('/').next().unwrap();
    let series = world
        .get(&format!(
            "/v1/{board}/experiments/{experiment_id}/runs/{run_id}/timeSeries"
        ))
        .await;
    let series = series["tensorboardTimeSeries"].as_array().unwrap().clone();
    assert_eq!(series.len(), 6, "a validation file was given");
    assert_eq!(series[3]["displayName"], "/eval_total_loss");
    let first = series[0]["name"].as_str().unwrap();
    let data = world
        .get(&format!("/v1/{board}:batchRead?timeSeries={first}"))
        .await;
    let values = data["timeSeriesData"][0]["values"].as_array().unwrap();
    assert!(
        !values.is_empty() && values[0]["scalar"]["value"].is_f64(),
        "{data}"
    );
    assert_eq!(values[0]["step"], "1");
    let export = format!("/v1/{first}:exportTensorboardTimeSeries");
    let unordered = world.post(&export, json!({})).await;
    let ordered = world.post(&export, json!({"orderBy": "step"})).await;
    assert_ne!(
        unordered["timeSeriesDataPoints"],
        ordered["timeSeriesDataPoints"]
    );
    assert_eq!(
        &ordered["timeSeriesDataPoints"],
        &data["timeSeriesData"][0]["values"]
    );
}

#[tokio::test]
async fn a_default_checkpoint_and_an_undeployed_model_are_remembered() {
    let mut world = World::new();
    let name = world.created().await;
    world.restart_after(3 * 3600);
    let job = world.get(&name).await;
    let model = job["tunedModel"]["model"].as_str().unwrap().to_owned();
    let bare = model.split('@').next().unwrap().to_owned();
    assert_eq!(
        world.get(&format!("/v1/{model}")).await["defaultCheckpointId"],
        "3"
    );
    let patch = format!("/v1/{bare}?updateMask=defaultCheckpointId");
    World::ok(
        world
            .call("PATCH", &patch, Some(json!({"defaultCheckpointId": "2"})))
            .await,
    );
    let merged = world
        .post(
            &format!("/v1/{model}:mergeVersionAliases"),
            json!({"versionAliases": ["prod"]}),
        )
        .await;
    assert_eq!(merged["versionAliases"], json!(["default", "prod"]));
    let (status, _) = world.call("DELETE", &format!("/v1/{bare}"), None).await;
    assert_eq!(status, 400, "it is still deployed");

    world.restart_after(1);
    let switched = world.get(&name).await["tunedModel"]["endpoint"].clone();
    assert_eq!(switched, job["tunedModel"]["checkpoints"][1]["endpoint"]);
    let us = "/v1/projects/demo/locations/us";
    for endpoint in world.get(&format!("{us}/endpoints")).await["endpoints"]
        .as_array()
        .unwrap()
    {
        let path = format!("/v1/{}", endpoint["name"].as_str().unwrap());
        let id = &endpoint["deployedModels"][0]["id"];
        let done = world
            .post(
                &format!("{path}:undeployModel"),
                json!({"deployedModelId": id}),
            )
            .await;
        assert_eq!(done["done"], true);
        let operation = format!("/v1/{}", done["name"].as_str().unwrap());
        assert_eq!(world.get(&operation).await, done);
        World::ok(world.call("DELETE", &path, None).await);
    }
    let made = world
        .post(&format!("{us}/endpoints"), json!({"displayName": "again"}))
        .await;
    let endpoint = made["response"]["name"].as_str().unwrap();
    let deploy =
        json!({"deployedModel": {"model": model, "checkpointId": "1"}, "trafficSplit": {"0": 100}});
    world
        .post(&format!("/v1/{endpoint}:deployModel"), deploy)
        .await;
    world.restart_after(1);
    let answer = world
        .post(
            &format!("/v1/{endpoint}:generateContent"),
            question("the stone"),
        )
        .await;
    assert!(
        answer["modelVersion"]
            .as_str()
            .unwrap()
            .ends_with("-simulated")
    );
}

#[tokio::test]
async fn questions_are_answered_cut_streamed_blocked_and_counted() {
    let world = World::new();
    let model = "/v1/projects/demo/locations/global/publishers/google/models/gemini-3.5-flash";
    let generate = format!("{model}:generateContent");
    let mut cut = question("Tell me about the many gems of the mountain");
    cut["generationConfig"] = json!({"maxOutputTokens": 2, "temperature": 0.0});
    let answer = world.post(&generate, cut).await;
    assert_eq!(answer["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(answer["usageMetadata"]["candidatesTokenCount"], 2);

    let blocked = world
        .post(&generate, question(super::prompt::BLOCKED))
        .await;
    assert!(
        blocked.get("candidates").is_none() && blocked["promptFeedback"]["blockReason"].is_string()
    );
    let empty = world.post(&generate, question(super::prompt::EMPTY)).await;
    assert!(empty["candidates"][0]["content"].get("parts").is_none());

    let asked = question("Tell me about gems");
    let whole = world.post(&generate, asked.clone()).await;
    let (_, headers, events) = world
        .raw(
            "POST",
            &format!("{model}:streamGenerateContent?alt=sse"),
            Some(asked.clone()),
        )
        .await;
    assert_eq!(headers["content-type"], "text/event-stream");
    let streamed: String = events
        .split("\r\n\r\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|event| text(&serde_json::from_str(event).unwrap()).to_owned())
        .collect();
    assert_eq!(streamed, text(&whole));
    let list = world
        .post(&format!("{model}:streamGenerateContent"), asked.clone())
        .await;
    assert!(list.is_array());
    assert_eq!(
        world.post(&format!("{model}:countTokens"), asked).await["totalTokens"],
        5
    );

    let regional = generate.replace("global", "us-central1");
    assert_eq!(
        world.call("POST", &regional, Some(question("x"))).await.0,
        404
    );
    let retired = generate.replace("gemini-3.5-flash", "gemini-2.5-flash");
    assert_eq!(
        world.call("POST", &retired, Some(question("x"))).await.0,
        404
    );
}

#[tokio::test]
async fn what_is_not_served_says_so_by_name() {
    let world = World::new();
    for path in [
        "/v1/projects/demo/locations/us/batchPredictionJobs",
        "/v1/projects/demo",
    ] {
        let (status, body) = world.call("POST", path, None).await;
        assert_eq!(status, 501);
        assert!(
            body["error"]["message"].as_str().unwrap().contains(path),
            "{body}"
        );
    }
}
