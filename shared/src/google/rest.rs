//! Google's services by REST, where a generated client would cost more than the few calls made:
//! the one place that authorises a request, sends it, limits its time and reads the answer.

use std::{fmt, time::Duration};

use bytes::Bytes;
use chrono::DateTime;
use futures::future::BoxFuture;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    outcome::{CallError, ErrorAnswer, Idempotency, RpcCode},
    retry::{self, Budget},
};

/// Longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest that a call may take unless it says otherwise.
const CALL_MAX: Duration = Duration::from_mins(1);
/// Longest wait for a token. A call whose token comes later must not be sent: those who count on its
/// deadline have gone on.
pub const TOKEN_MAX: Duration = Duration::from_secs(10);

/// The HTTP client of the process. Its clones share one pool of connections, so a process makes
/// it once and hands it on.
///
/// # Errors
///
/// Where TLS cannot be set up.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_MAX)
        .timeout(CALL_MAX)
        .build()
}

/// What a call sends.
#[derive(Debug, Clone)]
pub(crate) enum CallBody<'a> {
    /// Nothing.
    Empty,
    /// A value, as JSON.
    Json(&'a Value),
    /// JSON that someone else wrote: sent byte by byte, since its numbers and the order of its fields
    /// may matter to them.
    Bytes(Bytes),
}

/// A call to make.
#[derive(Debug, Clone)]
pub(crate) struct RestCall<'a> {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: CallBody<'a>,
    /// Whether it may be repeated here, and what an answer that was lost means.
    pub(crate) idempotency: Idempotency,
    /// Longest that one attempt may take.
    pub(crate) timeout: Duration,
    pub(crate) budget: Budget,
}

impl<'a> RestCall<'a> {
    /// A call that may be repeated.
    pub(crate) fn new(method: Method, url: String) -> Self {
        Self {
            method,
            url,
            query: &[],
            body: CallBody::Empty,
            idempotency: Idempotency::Idempotent,
            timeout: CALL_MAX,
            budget: Budget::default(),
        }
    }

    pub(crate) fn query(self, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn body(self, body: &'a Value) -> Self {
        let body = CallBody::Json(body);
        Self { body, ..self }
    }

    pub(crate) fn bytes(self, body: Bytes) -> Self {
        let body = CallBody::Bytes(body);
        Self { body, ..self }
    }

    pub(crate) fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// A call of which each has an effect of its own: made once.
    pub(crate) fn once(self) -> Self {
        Self {
            idempotency: Idempotency::NotIdempotent,
            budget: Budget::ONCE,
            ..self
        }
    }
}

/// Makes calls on behalf of this process's account.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    credentials: Credentials,
}

impl Transport {
    pub(crate) fn new(http: reqwest::Client, credentials: Credentials) -> Self {
        Self { http, credentials }
    }

    /// Makes a call, as often as its budget allows.
    pub(crate) fn call<'a>(
        &'a self,
        call: RestCall<'a>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move { retry::repeat(call.budget, || self.read(&call)).await })
    }

    /// Makes a call, as often as its budget allows; gives the answer byte by byte.
    pub(crate) fn call_bytes<'a>(
        &'a self,
        call: RestCall<'a>,
    ) -> BoxFuture<'a, Result<Bytes, CallError>> {
        Box::pin(async move { retry::repeat(call.budget, || self.read_bytes(&call)).await })
    }

    /// Makes a call, as often as its budget allows; gives the answer before its body has arrived.
    pub(crate) fn open<'a>(
        &'a self,
        call: RestCall<'a>,
    ) -> BoxFuture<'a, Result<Response, CallError>> {
        Box::pin(async move { retry::repeat(call.budget, || self.send(&call)).await })
    }

    async fn read(&self, call: &RestCall<'_>) -> Result<Value, CallError> {
        let body = self.read_bytes(call).await?;
        if body.is_empty() {
            // A delete answers 204.
            return Ok(Value::Null);
        }
        let read = serde_json::from_slice(&body);
        read.map_err(|error| CallError::not_answered(error, call.idempotency))
    }

    async fn read_bytes(&self, call: &RestCall<'_>) -> Result<Bytes, CallError> {
        let body = self.send(call).await?.bytes().await;
        body.map_err(|error| CallError::not_answered(error, call.idempotency))
    }

    /// Sends a call; an answer other than 2xx is read, and is an error.
    async fn send(&self, call: &RestCall<'_>) -> Result<Response, CallError> {
        let token = self.credentials.headers(http::Extensions::new());
        let headers = match tokio::time::timeout(TOKEN_MAX, token).await {
            Ok(Ok(CacheableResource::New { data, .. })) => data,
            Ok(Ok(CacheableResource::NotModified)) => HeaderMap::new(),
            Ok(Err(error)) => return Err(CallError::no_token(error)),
            Err(late) => return Err(CallError::not_sent(late)),
        };
        let mut request = self
            .http
            .request(call.method.clone(), &call.url)
            .headers(headers)
            .query(call.query)
            .timeout(call.timeout);
        request = match &call.body {
            CallBody::Empty => request,
            CallBody::Json(body) => request.json(body),
            CallBody::Bytes(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone()),
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(CallError::not_sent(error));
            }
            Err(error) => return Err(CallError::not_answered(error, call.idempotency)),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry_after(response.headers());
        let body = response.bytes().await;
        let body = body.map_err(|error| CallError::not_answered(error, call.idempotency))?;
        let answer = ErrorAnswer {
            retry_after,
            ..answer(status, &body)
        };
        Err(CallError::of(answer, call.idempotency))
    }
}

/// The client of one service.
#[derive(Clone)]
pub struct Rest {
    endpoint: String,
    transport: Transport,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Rest {
    /// The service at `endpoint`.
    pub(crate) fn new(endpoint: &str, transport: Transport) -> Self {
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            transport,
        }
    }

    /// Makes an idempotent call, and repeats it where that may help.
    pub fn call<'a>(
        &'a self,
        method: Method,
        path: &'a str,
        query: &'a [(&'a str, &'a str)],
        body: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        let call = RestCall::new(method, format!("{}/{path}", self.endpoint)).query(query);
        let body = body.map_or(CallBody::Empty, CallBody::Json);
        self.transport.call(RestCall { body, ..call })
    }
}

/// Reads the answer to a call as a `T`; `call` says what an answer that cannot be read means.
pub(crate) fn parse<T: DeserializeOwned>(body: Value, call: Idempotency) -> Result<T, CallError> {
    serde_json::from_value(body).map_err(|error| CallError::not_answered(error, call))
}

/// What an answer other than 2xx says of itself.
///
/// <https://cloud.google.com/apis/design/errors#http_mapping>
fn answer(http_status: StatusCode, body: &[u8]) -> ErrorAnswer {
    #[derive(Default, Deserialize)]
    struct Envelope {
        #[serde(default)]
        error: RpcStatus,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct RpcStatus {
        #[serde(rename = "status")]
        code: String,
        message: String,
        details: Vec<Value>,
    }
    let envelope: Envelope = serde_json::from_slice(body).unwrap_or_default();
    let RpcStatus {
        code,
        message,
        details,
    } = envelope.error;
    ErrorAnswer {
        http_status: Some(http_status.as_u16()),
        code: RpcCode::parse(&code),
        message,
        lacks: details.iter().find_map(lacks),
        retry_after: None,
    }
}

/// What an `ErrorInfo` says is missing.
///
/// <https://cloud.google.com/apis/design/errors#error_info>
fn lacks(detail: &Value) -> Option<String> {
    let metadata = |name| detail.get("metadata")?.get(name)?.as_str();
    match detail.get("reason")?.as_str()? {
        "SERVICE_DISABLED" => Some(format!("API `{}`", metadata("service")?)),
        _ => Some(format!("permission `{}`", metadata("permission")?)),
    }
}

/// The wait that `Retry-After` asks for: seconds, or a date, which counts from the answer's own
/// `Date`, so that the two clocks need not agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok();
    let asked = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(asked).ok()?;
    let from = DateTime::parse_from_rfc2822(text(DATE)?).ok()?;
    Some((until - from).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(headers: &[(reqwest::header::HeaderName, &str)], expected_s: Option<u64>) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        let expected = expected_s.map(Duration::from_secs);
        assert_eq!(retry_after(&headers), expected, "{headers:?}");
    }

    #[test]
    fn the_wait_that_is_asked_for_is_read_in_both_forms() {
        let date = |text| (DATE, text);
        let asked = |text| (RETRY_AFTER, text);
        check(&[], None);
        check(&[asked("7")], Some(7));
        check(&[asked("soon")], None);
        let at = "Mon, 30 Nov 2026 10:00:00 GMT";
        let later = "Mon, 30 Nov 2026 10:01:30 GMT";
        check(&[asked(later), date(at)], Some(90));
        check(&[asked(at), date(later)], Some(0));
        check(&[asked(later)], None);
    }

    #[test]
    fn what_is_missing_is_read_from_the_details() {
        let body = |detail: Value| {
            json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "m",
                "details": [{"@type": "type.googleapis.com/google.rpc.Help"}, detail]}})
            .to_string()
        };
        let read = |detail| answer(StatusCode::FORBIDDEN, body(detail).as_bytes());
        let denied = read(json!({
            "reason": "IAM_PERMISSION_DENIED",
            "metadata": {"permission": "aiplatform.endpoints.predict", "resource": "x"},
        }));
        let permission = "permission `aiplatform.endpoints.predict`";
        assert_eq!(denied.lacks.as_deref(), Some(permission));
        assert_eq!(denied.code, Some(RpcCode::PermissionDenied));
        let disabled = read(json!({
            "reason": "SERVICE_DISABLED", "metadata": {"service": "aiplatform.googleapis.com"},
        }));
        let api = "API `aiplatform.googleapis.com`";
        assert_eq!(disabled.lacks.as_deref(), Some(api));
        let html = answer(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!((html.code, html.http_status), (None, Some(502)));
    }
}
