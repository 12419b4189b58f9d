//! One fault: which calls it matches, and what it does to them.

use serde::{Deserialize, Serialize};
use tonic::{Code, Status};

use super::call::ObservedCall;
use crate::{grpc::Response, rest};

/// A fault as a test writes it; a call matches if it matches every field that is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultSpec {
    /// A substring of the path; with a trailing `$`, the end of the path.
    #[serde(default)]
    path: String,
    /// The HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A substring of the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// A substring of the raw body: strings are stored verbatim in a protobuf message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// The listener that received the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    /// Matching calls to let through first.
    #[serde(default)]
    pub(super) skip: u32,
    /// Calls to fail after those.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// What goes wrong.
    pub(super) action: FaultAction,
}

fn once() -> u32 {
    1
}

/// What goes wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultAction {
    /// The service answers with an error.
    Error(InjectedError),
    /// The call waits until it is released.
    Hold(When),
    /// The connection breaks without an answer.
    Drop(When),
    /// The call is delayed by this many milliseconds of wall-clock time, which clients' time-outs count.
    DelayMs(u64),
    /// The connection breaks after this many bytes of the answer's body.
    Truncate(usize),
}

/// Whether a fault acts before or after the effect of the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum When {
    /// The effect has not happened.
    #[default]
    Before,
    /// The effect has happened; only the answer is missing.
    After,
}

/// An error to answer with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InjectedError {
    status: Canonical,
    /// Whether the effect happens nevertheless.
    #[serde(default)]
    pub(super) when: When,
    /// Seconds in a `Retry-After` header; over HTTP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    /// The message for people, which may name what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// A canonical status code, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Canonical {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl Canonical {
    fn code(self) -> Code {
        match self {
            Self::Cancelled => Code::Cancelled,
            Self::Unknown => Code::Unknown,
            Self::InvalidArgument => Code::InvalidArgument,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::ResourceExhausted => Code::ResourceExhausted,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::Aborted => Code::Aborted,
            Self::OutOfRange => Code::OutOfRange,
            Self::Unimplemented => Code::Unimplemented,
            Self::Internal => Code::Internal,
            Self::Unavailable => Code::Unavailable,
            Self::DataLoss => Code::DataLoss,
            Self::Unauthenticated => Code::Unauthenticated,
        }
    }
}

impl InjectedError {
    /// The answer, as a gRPC status or as JSON, whichever the call uses.
    pub(super) fn answer(&self, grpc: bool) -> Response {
        let message = self.message.as_deref();
        let message = message.unwrap_or("injected by a test's fault");
        let status = Status::new(self.status.code(), message);
        if grpc {
            return status
                .into_http::<tonic::body::Body>()
                .map(axum::body::Body::new);
        }
        let mut error = rest::Error::from(status);
        error.retry_after_s = self.retry_after_s;
        error.into_response()
    }
}

impl FaultSpec {
    /// Whether the fault matches `call`.
    pub(super) fn matches(&self, call: &ObservedCall) -> bool {
        let path = match self.path.strip_suffix('$') {
            Some(end) => call.path.ends_with(end),
            None => call.path.contains(&self.path),
        };
        path && is(self.method.as_ref(), |method| {
            method.eq_ignore_ascii_case(&call.method)
        }) && is(self.query.as_ref(), |query| call.query.contains(query))
            && is(self.caller.as_ref(), |caller| *caller == call.caller)
            && is(self.body.as_ref(), |body| call.body_contains(body))
    }
}

fn is(wanted: Option<&String>, test: impl FnOnce(&String) -> bool) -> bool {
    wanted.is_none_or(test)
}
