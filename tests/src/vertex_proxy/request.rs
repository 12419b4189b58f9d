//! A call as the proxy saw it.

use std::time::Instant;

use axum::http::{HeaderMap, Method, header::HOST};
use serde_json::Value;
use shared::id;

/// A call to Vertex AI.
#[derive(Debug, Clone)]
pub struct VertexRequest {
    /// When it arrived, by the wall clock.
    pub at: Instant,
    /// The HTTP method.
    pub method: String,
    /// The path, with its version.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The host that the caller named.
    pub host: String,
    /// The digest of the body.
    pub digest: String,
    /// The body where it creates, changes or stops something; never a prompt or a row.
    pub body: Option<Value>,
    /// The HTTP status of the answer.
    pub status: u16,
}

impl VertexRequest {
    pub(super) fn new(method: &Method, target: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let mut request = Self {
            at: Instant::now(),
            method: method.to_string(),
            // Google's clients escape the `@` of a model's version, and ours the colon of a verb.
            path: path.replace("%3A", ":").replace("%40", "@"),
            query: query.to_owned(),
            host: host.unwrap_or_default().to_owned(),
            digest: id::digest(&[&String::from_utf8_lossy(body)]),
            body: None,
            status: 0,
        };
        if request.is_create() || request.is_cancel() || request.method == "PATCH" {
            request.body = serde_json::from_slice(body).ok();
        }
        request
    }

    /// Whether it creates a job.
    pub fn is_create(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/tuningJobs")
    }

    /// Whether it asks a job to stop.
    pub fn is_cancel(&self) -> bool {
        self.method == "POST" && self.path.ends_with(":cancel")
    }

    /// Whether it lists jobs.
    pub fn is_list(&self) -> bool {
        self.method == "GET" && self.path.ends_with("/tuningJobs")
    }

    /// Whether it reads a job.
    pub fn is_get(&self) -> bool {
        self.method == "GET" && self.path.contains("/tuningJobs/")
    }

    /// Whether it leads to the curve of a job, or reads it.
    pub fn is_curve(&self) -> bool {
        self.path.contains("/metadataStores/") || self.path.contains("/tensorboards/")
    }

    /// The location that it names.
    pub fn location(&self) -> &str {
        let mut segments = self.path.split('/').skip_while(|it| *it != "locations");
        segments.nth(1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_method_and_path() {
        let see = |method: Method, target: &str| {
            VertexRequest::new(&method, target, &HeaderMap::new(), b"{\"a\":1}")
        };
        let jobs = "/v1/projects/p/locations/us-central1/tuningJobs";
        let create = see(Method::POST, jobs);
        assert!(create.is_create() && create.body.is_some());
        assert_eq!(create.location(), "us-central1");
        let list = see(Method::GET, &format!("{jobs}?filter=x"));
        assert!(list.is_list() && list.body.is_none());
        assert_eq!(list.query, "filter=x");
        assert!(see(Method::GET, &format!("{jobs}/7")).is_get());
        assert!(see(Method::POST, &format!("{jobs}/7%3Acancel")).is_cancel());
        let ask = see(
            Method::POST,
            "/v1/projects/p/locations/us/endpoints/1:generateContent",
        );
        assert_eq!(ask.body, None, "a prompt");
    }
}
