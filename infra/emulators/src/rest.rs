//! The JSON conventions that Google's REST services share: bodies, errors, paths.

use axum::body::Body;
use http::{StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::grpc::{Request, Response};

/// Maximum size of a JSON request body; far above what Google's clients send.
const BODY_MAX_BYTES: usize = 64 << 20;

/// A failed call, as a `google.rpc.Status`.
#[derive(Debug, Clone)]
pub(crate) struct Error {
    /// The HTTP status.
    pub(crate) code: StatusCode,
    /// The canonical name of the gRPC code, such as `NOT_FOUND`.
    pub(crate) status: &'static str,
    /// The message for people.
    pub(crate) message: String,
    /// Seconds until another attempt makes sense, sent as `Retry-After`.
    pub(crate) retry_after_s: Option<u64>,
}

impl Error {
    /// A failure with the HTTP status for the canonical `status`.
    pub(crate) fn new(status: &'static str, message: impl Into<String>) -> Self {
        let code = match status {
            // Google answers UNIMPLEMENTED with 501, which clients take for an outage and retry for
            // a minute. What is not served here never will be, so the caller must fail at once.
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "UNIMPLEMENTED" => {
                StatusCode::BAD_REQUEST
            }
            "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
            "PERMISSION_DENIED" => StatusCode::FORBIDDEN,
            "NOT_FOUND" => StatusCode::NOT_FOUND,
            "ALREADY_EXISTS" | "ABORTED" => StatusCode::CONFLICT,
            "RESOURCE_EXHAUSTED" => StatusCode::TOO_MANY_REQUESTS,
            "UNAVAILABLE" => StatusCode::SERVICE_UNAVAILABLE,
            "DEADLINE_EXCEEDED" => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self {
            code,
            status,
            message: message.into(),
            retry_after_s: None,
        }
    }

    /// The answer for a path that is not served.
    pub(crate) fn unimplemented(method: &http::Method, path: &str) -> Self {
        tracing::warn!(%method, path, "a path that this emulator does not serve was called");
        Self::new(
            "UNIMPLEMENTED",
            format!("the emulator does not serve `{method} {path}`"),
        )
    }

    /// The answer on the wire.
    pub(crate) fn into_response(self) -> Response {
        let body = json!({ "error": {
            "code": self.code.as_u16(),
            "message": self.message,
            "status": self.status,
        }});
        let mut response = json_response(self.code, &body);
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        use tonic::Code;
        let name = match status.code() {
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::Aborted => "ABORTED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Unavailable => "UNAVAILABLE",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
                "INTERNAL"
            }
        };
        Self::new(name, status.message())
    }
}

/// The error of an invalid request.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new("INVALID_ARGUMENT", message)
}

/// `200` with `body`.
pub(crate) fn ok(body: &impl Serialize) -> Response {
    json_response(StatusCode::OK, body)
}

/// `code` with `body` as JSON.
pub(crate) fn json_response(code: StatusCode, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = http::Response::new(Body::from(bytes));
    *response.status_mut() = code;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    response
}

/// Reads the whole body.
pub(crate) async fn bytes(request: Request) -> Result<bytes::Bytes, Error> {
    axum::body::to_bytes(request.into_body(), BODY_MAX_BYTES)
        .await
        .map_err(|error| Error::new("INVALID_ARGUMENT", format!("unreadable body: {error}")))
}

/// Reads the body as JSON; an empty one counts as `{}`.
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Error> {
    let bytes = bytes(request).await?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text)
        .map_err(|error| Error::new("INVALID_ARGUMENT", format!("invalid JSON payload: {error}")))
}

/// The path's segments, each percent-decoded, for the services to `match` on.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.trim_matches('/')
        .split('/')
        .map(|segment| {
            percent_encoding::percent_decode_str(segment)
                .decode_utf8_lossy()
                .into_owned()
        })
        .collect()
}

/// The query's pairs, decoded, in order.
pub(crate) fn query(request: &Request) -> Vec<(String, String)> {
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(request.uri())
        .map(|query| query.0)
        .unwrap_or_default()
}
