//! Why a call to Cloud Storage fails, with its status in JSON and in gRPC.

use axum::body::Body;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use tonic::{Code, Status};

use crate::{db, grpc::Response, rest};

/// A failed call; the message is that of production, if it is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("The specified bucket does not exist.")]
    NoBucket,
    #[error("No such object: {bucket}/{object}")]
    NoObject { bucket: String, object: String },
    #[error("No such notification: {0}")]
    NoNotification(String),
    #[error("No such upload session; it may have ended with an earlier process.")]
    NoUpload,
    #[error("The upload session has ended; start another one.")]
    UploadOver,
    #[error("The upload was cancelled.")]
    UploadCancelled,
    #[error("At least one of the pre-conditions you specified did not hold.")]
    ConditionNotMet,
    /// A read whose `…NotMatch` precondition failed: 304 over HTTP.
    #[error("The object has not changed.")]
    NotModified,
    #[error("Your previous request to create the named bucket succeeded and you already own it.")]
    BucketExists,
    #[error("The bucket you tried to delete is not empty.")]
    BucketNotEmpty,
    #[error("Required parameter: {0}")]
    Required(&'static str),
    #[error("{0}")]
    Invalid(String),
    #[error("The requested range cannot be satisfied.")]
    Range { size_bytes: u64 },
    #[error(
        "An object in memory can have at most {max_bytes} bytes; use a data directory for larger ones."
    )]
    TooLarge { max_bytes: usize },
    #[error("The emulator does not serve `{0}`")]
    Unserved(String),
    #[error("The request's body was interrupted.")]
    Body(#[source] axum::Error),
    #[error("The emulator's store failed.")]
    Store(#[from] db::Error),
    #[error("The emulator's object files failed.")]
    Files(#[from] std::io::Error),
    #[error("A row of the emulator's store cannot be encoded.")]
    Row(#[from] serde_json::Error),
    #[error("The upload's task failed.")]
    Task(#[from] tokio::task::JoinError),
}

impl Failure {
    /// The HTTP status, the `reason` of the JSON error and the gRPC code.
    fn on_the_wire(&self) -> (StatusCode, &'static str, Code) {
        match self {
            Self::NoBucket | Self::NoObject { .. } | Self::NoNotification(_) | Self::NoUpload => {
                (StatusCode::NOT_FOUND, "notFound", Code::NotFound)
            }
            Self::UploadOver => (StatusCode::GONE, "gone", Code::NotFound),
            // nginx's 499 is production's answer to a cancelled session:
            // cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload.
            Self::UploadCancelled => (
                StatusCode::from_u16(499).unwrap_or(StatusCode::GONE),
                "clientClosedRequest",
                Code::Cancelled,
            ),
            Self::ConditionNotMet => (
                StatusCode::PRECONDITION_FAILED,
                "conditionNotMet",
                Code::FailedPrecondition,
            ),
            // Google's own testbench answers ABORTED here (`error.notchanged`).
            Self::NotModified => (StatusCode::NOT_MODIFIED, "notModified", Code::Aborted),
            Self::BucketExists => (StatusCode::CONFLICT, "conflict", Code::AlreadyExists),
            Self::BucketNotEmpty => (StatusCode::CONFLICT, "conflict", Code::FailedPrecondition),
            Self::Required(_) => (StatusCode::BAD_REQUEST, "required", Code::InvalidArgument),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid", Code::InvalidArgument),
            Self::Range { .. } => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                "requestedRangeNotSatisfiable",
                Code::OutOfRange,
            ),
            Self::TooLarge { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "uploadTooLarge",
                Code::ResourceExhausted,
            ),
            // Not 501, which clients take for an outage and retry for a minute.
            Self::Unserved(_) => (
                StatusCode::BAD_REQUEST,
                "notImplemented",
                Code::Unimplemented,
            ),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "badRequest", Code::InvalidArgument),
            Self::Store(_) | Self::Files(_) | Self::Row(_) | Self::Task(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "backendError",
                Code::Internal,
            ),
        }
    }

    /// Logs errors and gaps of the emulator itself; everything else is the caller's to handle.
    fn log(&self, code: StatusCode) {
        if matches!(self, Self::Unserved(_)) {
            tracing::warn!(error = %self, "a call that this emulator does not serve");
        } else if code.is_server_error() {
            let source = std::error::Error::source(self);
            tracing::error!(error = %self, ?source, "a storage call failed");
        }
    }

    /// The answer of the JSON API.
    pub(super) fn into_response(self) -> Response {
        let (code, reason, _) = self.on_the_wire();
        self.log(code);
        if code == StatusCode::NOT_MODIFIED {
            let mut response = http::Response::new(Body::empty());
            *response.status_mut() = code;
            return response;
        }
        let message = self.to_string();
        let mut error = json!({ "message": message, "domain": "global", "reason": reason });
        if let (Self::ConditionNotMet, Some(error)) = (&self, error.as_object_mut()) {
            error.insert("locationType".to_owned(), "header".into());
            error.insert("location".to_owned(), "If-Match".into());
        }
        let body = json!({ "error": {
            "code": code.as_u16(), "message": message, "errors": [error],
        }});
        let mut response = rest::json_response(code, &body);
        if let Self::Range { size_bytes } = self
            && let Ok(value) = HeaderValue::from_str(&format!("bytes */{size_bytes}"))
        {
            response.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        response
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let (code, _, rpc) = failure.on_the_wire();
        failure.log(code);
        Self::new(rpc, failure.to_string())
    }
}

impl From<rest::Error> for Failure {
    fn from(error: rest::Error) -> Self {
        Self::Invalid(error.message)
    }
}
