//! One fault: which calls it is for, and what it does to them.

use serde::{Deserialize, Serialize};
use tonic::{Code, Status};

use super::call::Call;
use crate::{grpc::Response, rest};

/// A fault as a test writes it; every field that is given must match.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// A part of the path; a `$` at its end asks that the path end there.
    #[serde(default)]
    path: String,
    /// The HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// A part of the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// A part of the raw body: strings lie in a protobuf message as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// The door by which the call comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    /// Matching calls to let pass first.
    #[serde(default)]
    pub(super) skip: u32,
    /// Calls to strike after those.
    #[serde(default = "once")]
    pub(super) times: u32,
    /// What goes wrong.
    pub(super) action: Action,
}

fn once() -> u32 {
    1
}

/// What goes wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// The service answers with an error.
    Error(Failure),
    /// The call waits until it is released.
    Hold(When),
    /// The connection breaks without an answer.
    Drop(When),
    /// The call waits this many milliseconds of the wall's time, in which clients time out.
    DelayMs(u64),
    /// The connection breaks after this many bytes of the answer's body.
    Truncate(usize),
}

/// On which side of the call's effect a fault lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum When {
    /// Nothing has happened.
    #[default]
    Before,
    /// All has happened; only the answer is missing.
    After,
}

/// An error to answer with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    status: Canonical,
    /// Whether the effect happens all the same.
    #[serde(default)]
    pub(super) when: When,
    /// Seconds in a `Retry-After` header; over HTTP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
}

/// A canonical code, by its name.
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

impl Failure {
    /// The answer, in the dialect of the call.
    pub(super) fn answer(&self, grpc: bool) -> Response {
        let status = Status::new(self.status.code(), "a fault that a test armed");
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

impl Fault {
    /// Whether the fault is for `call`.
    pub(super) fn matches(&self, call: &Call) -> bool {
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
