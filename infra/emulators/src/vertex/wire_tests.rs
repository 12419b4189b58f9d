//! The service as its clients see it: requests in, JSON out.

mod jobs;
mod questions;
mod resources;

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

/// A service whose time is set by the test: at speed 0 a clock shows its origin.
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

    /// Restarts the service, `seconds` later: only the store survives.
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
