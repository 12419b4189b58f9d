//! Calls the service as its clients do, with hand-made HTTP requests and gRPC frames.

mod buckets;
mod events;
mod files;
mod listings;
mod objects;
mod preconditions;
mod resumables;
mod rpcs;
mod uploads;
mod versions;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::Storage;
use crate::{clock::Clock, db::Db, grpc::Response};

const BASE_URL: &str = "http://127.0.0.1:8080";

/// A published message: topic, data, attributes.
type Published = (String, Vec<u8>, BTreeMap<String, String>);

/// A service with one bucket, `bkt`, that records what is published.
struct Service {
    storage: Storage,
    published: Arc<Mutex<Vec<Published>>>,
}

/// The answer of a call.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// `200`, or the status with the reason of the JSON error.
    fn outcome(&self) -> String {
        let json = self.json();
        let reason = json
            .pointer("/error/errors/0/reason")
            .and_then(Value::as_str);
        match reason {
            Some(reason) => format!("{} {reason}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// The generation in the answered resource.
    fn generation(&self) -> String {
        assert_eq!(self.outcome(), "200");
        self.json()["generation"].as_str().unwrap().to_owned()
    }
}

impl Service {
    async fn new() -> Self {
        let service = Self::open(Db::in_memory().unwrap(), None);
        let made = service
            .post("/storage/v1/b?project=p", json!({"name": "bkt"}))
            .await;
        assert_eq!(made.outcome(), "200");
        service
    }

    async fn versioned() -> Self {
        let service = Self::new().await;
        let on = json!({"versioning": {"enabled": true}});
        let patched = service
            .call("PATCH", "/storage/v1/b/bkt", &[], on.to_string())
            .await;
        assert_eq!(patched.outcome(), "200");
        service
    }

    fn open(db: Db, objects: Option<&Path>) -> Self {
        let published = Arc::new(Mutex::new(Vec::new()));
        let recorder = Arc::clone(&published);
        let publish = Arc::new(move |topic: &str, data, attributes| {
            recorder
                .lock()
                .unwrap()
                .push((topic.to_owned(), data, attributes));
        });
        let clock = Clock::starting_now(1.0);
        let storage = Storage::open(db, clock, objects, BASE_URL, publish).unwrap();
        Self { storage, published }
    }

    async fn call(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(self.storage.rest(request.body(body.into()).unwrap()).await).await
    }

    async fn get(&self, uri: &str) -> Answer {
        self.call("GET", uri, &[], Body::empty()).await
    }

    async fn post(&self, uri: &str, body: Value) -> Answer {
        self.call("POST", uri, &[], body.to_string()).await
    }

    async fn delete(&self, uri: &str) -> Answer {
        self.call("DELETE", uri, &[], Body::empty()).await
    }

    /// Uploads `text` as `name` of bucket `bkt`, with a suffix of the query such as `&ifGenerationMatch=0`.
    async fn put_with(&self, name: &str, text: &str, more: &str) -> Answer {
        let uri = format!("/upload/storage/v1/b/bkt/o?uploadType=media&name={name}{more}");
        let headers = [("content-type", "text/plain")];
        self.call("POST", &uri, &headers, text.to_owned()).await
    }

    /// Uploads `text` and returns its generation.
    async fn put(&self, name: &str, text: &str) -> String {
        self.put_with(name, text, "").await.generation()
    }

    /// The bytes of an object of `bkt`, or the outcome of a failed read.
    async fn read(&self, name: &str, more: &str) -> String {
        let uri = format!("/storage/v1/b/bkt/o/{name}?alt=media{more}");
        let answer = self.get(&uri).await;
        if answer.status.is_success() {
            String::from_utf8(answer.body.to_vec()).unwrap()
        } else {
            answer.outcome()
        }
    }
}
