//! One REST call: its method, location, resource, verb, query and body.

use axum::body::Body;
use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde_json::Value;

use super::number::{Seed, length};
use crate::{
    grpc::{Request, Response},
    rest::{self, Error},
};

/// Items on a page: the default and the maximum.
const PAGE_MAX: usize = 100;

/// A call under `projects/…/locations/…`.
#[derive(Debug)]
pub(super) struct VertexCall {
    /// Whether the path began with `v1beta1`.
    pub(super) beta: bool,
    /// The HTTP method.
    pub(super) method: Method,
    /// The original path, for messages.
    pub(super) uri_path: String,
    /// The project's number.
    pub(super) project: String,
    /// The location.
    pub(super) location: String,
    /// The segments after the location, without the verb.
    pub(super) path: Vec<String>,
    /// The part after the last colon of the last segment.
    pub(super) verb: String,
    /// The query's pairs.
    pub(super) query: Vec<(String, String)>,
    /// The body; an empty object if there was none.
    pub(super) body: Value,
}

/// The answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// One JSON value.
    Json(Value),
    /// Several, each as an event of `text/event-stream`.
    Events(Vec<Value>),
    /// Several, as the items of one JSON array.
    List(Vec<Value>),
}

impl VertexCall {
    /// Parses a call; `None` if the path is not of this service.
    pub(super) async fn read(request: Request) -> Result<Option<Self>, Error> {
        let uri_path = request.uri().path().to_owned();
        let mut segments = rest::segments(&uri_path);
        let (verb, last) = match segments.pop() {
            // Ids contain no colon, so the last one precedes the verb.
            Some(last) => match last.rsplit_once(':') {
                Some((id, verb)) => (verb.to_owned(), id.to_owned()),
                None => (String::new(), last),
            },
            None => return Ok(None),
        };
        segments.push(last);
        let [version, projects, project, locations, location, path @ ..] = segments.as_slice()
        else {
            return Ok(None);
        };
        if projects != "projects" || locations != "locations" || path.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            beta: version == "v1beta1",
            method: request.method().clone(),
            project: project_number(project),
            location: location.clone(),
            path: path.to_vec(),
            verb,
            query: rest::query(&request),
            uri_path,
            body: rest::json(request).await?,
        }))
    }

    /// `projects/…/locations/…`.
    pub(super) fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.location)
    }

    /// The first query parameter `name`; empty if absent.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params(name).next().unwrap_or("")
    }

    /// Every query parameter `name`.
    pub(super) fn params(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The requested page of `items`, and the token of the next one.
    ///
    /// The token is the key of the last item, so that new items before it do not shift pages.
    pub(super) fn page<T>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let size: i64 = match self.param("pageSize") {
            "" => 0,
            text => text
                .parse()
                .map_err(|_not_a_number| invalid("`pageSize` is not an integer"))?,
        };
        let size = match u64::try_from(size) {
            Ok(0) => PAGE_MAX,
            Ok(size) => length(size).min(PAGE_MAX),
            Err(_negative) => return Err(invalid("`pageSize` is negative")),
        };
        let start = match self.param("pageToken") {
            "" => 0,
            token => items
                .iter()
                .position(|item| key(item) == token)
                .map(|at| at + 1)
                .ok_or_else(|| invalid("`pageToken` is not a token of this list"))?,
        };
        let more = items.len() > start + size;
        let page: Vec<T> = items.into_iter().skip(start).take(size).collect();
        let token = page.last().filter(|_| more).map(key);
        Ok((page, token))
    }

    /// The answer of a call that is not served.
    pub(super) fn unimplemented(&self) -> Error {
        Error::unimplemented(&self.method, &self.uri_path)
    }
}

impl Answer {
    /// The answer on the wire.
    pub(super) fn into_response(self) -> Response {
        match self {
            Self::Json(body) => rest::ok(&body),
            Self::List(items) => rest::ok(&items),
            Self::Events(items) => {
                let mut text = String::new();
                for item in &items {
                    text.push_str("data: ");
                    text.push_str(&item.to_string());
                    text.push_str("\r\n\r\n");
                }
                let mut response = http::Response::new(Body::from(text));
                response.headers_mut().insert(
                    http::header::CONTENT_TYPE,
                    http::HeaderValue::from_static("text/event-stream"),
                );
                response
            }
        }
    }
}

/// The number of `project`: Google's answers contain numbers instead of ids in names.
pub(super) fn project_number(project: &str) -> String {
    if !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit()) {
        return project.to_owned();
    }
    let number = Seed::of(project.as_bytes()).with(1).value() % 900_000_000_000;
    (100_000_000_000 + number).to_string()
}

/// A time in proto-JSON.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// `INVALID_ARGUMENT`.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new("INVALID_ARGUMENT", message)
}

/// `NOT_FOUND` for the resource `name`.
pub(super) fn not_found(name: &str) -> Error {
    Error::new("NOT_FOUND", format!("The resource `{name}` was not found."))
}

/// `FAILED_PRECONDITION`.
pub(super) fn precondition(message: impl Into<String>) -> Error {
    Error::new("FAILED_PRECONDITION", message)
}
