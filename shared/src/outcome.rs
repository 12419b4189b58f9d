//! How a call to an outside service fails, by what its caller does next: one enum, one table, for
//! Vertex AI, Cloud Storage, Firestore, Cloud Run and Pub/Sub alike.
//!
//! A refusal is not a result. Only [`CallError::No`] says that the same call fails again; all other
//! outcomes wait, and go on by themselves.
//!
//! | what came back | HTTP | google.rpc code (gRPC likewise) | idempotent | not idempotent |
//! |---|---|---|---|---|
//! | nothing, the request was not sent (no connection, no token for now) | – | – | `NotNow` | `NotNow` |
//! | nothing, the request was not sent (the credentials are refused) | – | – | `NotAllowed` | `NotAllowed` |
//! | nothing, the request was sent (time-out, broken connection, unreadable answer) | – | – | `NotNow` | `Unknown` |
//! | the request is wrong | 400, 413, 422 | `INVALID_ARGUMENT`, `OUT_OF_RANGE` | `No` | `No` |
//! | the project is not ready: a service agent, billing | 400, 402, 412 | `FAILED_PRECONDITION` | `NotNow` | `NotNow` |
//! | we may not: no token, no permission, API disabled | 401, 403 | `UNAUTHENTICATED`, `PERMISSION_DENIED` | `NotAllowed` | `NotAllowed` |
//! | what the request names is not there (now) | 404, 410 | `NOT_FOUND` | `Missing` | `Missing` |
//! | the name is taken | 409 with that code | `ALREADY_EXISTS` | `No` | `No` |
//! | another change won, or half of this one | 409 | `ABORTED` | `Unknown` | `Unknown` |
//! | a quota is used up | 429 | `RESOURCE_EXHAUSTED` | `NotNow` | `NotNow` |
//! | given up on the way | 408, 499, 504 | `DEADLINE_EXCEEDED`, `CANCELLED` | `NotNow` | `Unknown` |
//! | the service failed | 500, 502, 503, 5xx | `INTERNAL`, `UNAVAILABLE`, `UNKNOWN`, `DATA_LOSS` | `NotNow` | `Unknown` |
//! | the method does not exist | 501, 405 | `UNIMPLEMENTED` | `No` | `No` |
//! | any other 4xx | 4xx | – | `No` | `No` |
//!
//! The code in the answer's body goes before the HTTP status, which several codes share. The last
//! two columns differ wherever the call may have had its effect: repeating an idempotent call is
//! harmless, so nothing needs to be known of its first attempt. `ABORTED` is `Unknown` in both,
//! since it asks for a retry one level up: read again, then decide again.
//!
//! Sources: <https://cloud.google.com/apis/design/errors>,
//! <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>,
//! <https://google.aip.dev/194>.

use std::{error::Error as StdError, fmt, time::Duration};

/// Any error of a client, boxed.
pub type Source = Box<dyn StdError + Send + Sync>;

/// Whether making a call twice has the effect of making it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Reads, deletes, and writes that name what they expect to find.
    Idempotent,
    /// Every call that arrives has an effect of its own, such as a job that costs money.
    NotIdempotent,
}

/// How a call failed, by what the caller does next. The module's page has the table.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service looked at the request and says what is wrong with it. Final: the same request
    /// is refused again.
    #[error("refused: {0}")]
    No(Refusal),
    /// The caller may not make this call until a person grants it. Wait; an ERROR line asks for that:
    /// [`crate::error::Error::call`] writes it.
    #[error("{}", denied(.0))]
    NotAllowed(Refusal),
    /// The call had no effect, or an effect that a repetition does not change. Wait, then repeat.
    #[error("not now")]
    NotNow {
        /// How long the service asks us to wait.
        retry_after: Option<Duration>,
        /// What it answered, or why it did not.
        #[source]
        source: Source,
    },
    /// What the call names does not exist, as far as this one answer says. Stray 404s have been
    /// seen for jobs and endpoints that were there, so ask again, or list, before anything ends
    /// because of it: <https://github.com/googleapis/python-aiplatform/issues/6581>.
    #[error("not found: {0}")]
    Missing(Refusal),
    /// The call may or may not have had its effect. Settle, list, adopt; never simply repeat.
    #[error("the outcome of the call is unknown")]
    Unknown(#[source] Source),
}

/// An answer that is not a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The HTTP status, where the answer came by HTTP.
    pub http_status: Option<u16>,
    /// The canonical code, where the answer names one or its HTTP status implies one.
    pub code: Option<RpcCode>,
    /// The service's own words, for people who run Lapidary. Those of a [`CallError::No`] are about the
    /// request: `predict` passes them on to its caller, unless they name resources of ours.
    pub message: String,
    /// The permission or the API that is missing, where the service names one.
    pub lacks: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.message.as_str(), self.code) {
            ("", _) => f.write_str(&self.word()),
            (message, Some(code)) => write!(f, "{message} ({code})"),
            (message, None) => write!(f, "{message} ({})", self.word()),
        }
    }
}

fn denied(refusal: &Refusal) -> String {
    match &refusal.lacks {
        Some(lacks) => format!("not allowed, {lacks} is missing: {refusal}"),
        None => format!("not allowed: {refusal}"),
    }
}

impl Refusal {
    /// The answer's code, or its HTTP status, in one word for documents and log fields.
    pub fn word(&self) -> String {
        match (self.code, self.http_status) {
            (Some(code), _) => code.to_string(),
            (None, Some(status)) => format!("HTTP {status}"),
            (None, None) => "no code".to_owned(),
        }
    }
}

/// The canonical codes of google.rpc, which are those of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Google's, and documented there")]
pub enum RpcCode {
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

/// Every code with its name.
const CODES: [(RpcCode, &str); 16] = [
    (RpcCode::Cancelled, "CANCELLED"),
    (RpcCode::Unknown, "UNKNOWN"),
    (RpcCode::InvalidArgument, "INVALID_ARGUMENT"),
    (RpcCode::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (RpcCode::NotFound, "NOT_FOUND"),
    (RpcCode::AlreadyExists, "ALREADY_EXISTS"),
    (RpcCode::PermissionDenied, "PERMISSION_DENIED"),
    (RpcCode::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (RpcCode::FailedPrecondition, "FAILED_PRECONDITION"),
    (RpcCode::Aborted, "ABORTED"),
    (RpcCode::OutOfRange, "OUT_OF_RANGE"),
    (RpcCode::Unimplemented, "UNIMPLEMENTED"),
    (RpcCode::Internal, "INTERNAL"),
    (RpcCode::Unavailable, "UNAVAILABLE"),
    (RpcCode::DataLoss, "DATA_LOSS"),
    (RpcCode::Unauthenticated, "UNAUTHENTICATED"),
];

impl fmt::Display for RpcCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = CODES.iter().find(|(code, _)| code == self);
        f.write_str(name.map_or("UNKNOWN", |(_, name)| name))
    }
}

impl RpcCode {
    /// Reads a code's name, as Google's JSON writes it (`NOT_FOUND`) or as the gRPC crates do
    /// (`NotFound`).
    pub fn parse(name: &str) -> Option<Self> {
        let letters = |name: &str| name.replace('_', "").to_ascii_lowercase();
        let wanted = letters(name);
        let found = CODES.iter().find(|(_, name)| letters(name) == wanted);
        found.map(|(code, _)| *code)
    }

    /// The code that an HTTP status without one implies; `None` for a 4xx that no code has.
    fn of_http(status: u16) -> Option<Self> {
        match status {
            400 | 413 | 422 => Some(Self::InvalidArgument),
            401 => Some(Self::Unauthenticated),
            403 => Some(Self::PermissionDenied),
            404 | 410 => Some(Self::NotFound),
            405 | 501 => Some(Self::Unimplemented),
            408 | 504 => Some(Self::DeadlineExceeded),
            409 => Some(Self::Aborted),
            402 | 412 => Some(Self::FailedPrecondition),
            429 => Some(Self::ResourceExhausted),
            499 => Some(Self::Cancelled),
            502 | 503 => Some(Self::Unavailable),
            // No code has the other ones of the caller's faults.
            _ if (400..500).contains(&status) => None,
            _ => Some(Self::Internal),
        }
    }
}

/// What an answer that is not a result says of itself, before the table is asked.
#[derive(Debug, Default)]
pub struct ErrorAnswer {
    /// The HTTP status, where it came by HTTP.
    pub http_status: Option<u16>,
    /// The code in its body, or of gRPC.
    pub code: Option<RpcCode>,
    /// The service's words.
    pub message: String,
    /// The permission or the API that is missing, where a detail names it.
    pub lacks: Option<String>,
    /// How long it asks us to wait.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// What an answer that is not a result means: the table.
    pub fn of(answer: ErrorAnswer, call: Idempotency) -> Self {
        let ErrorAnswer {
            http_status,
            code,
            message,
            lacks,
            retry_after,
        } = answer;
        let code = code.or_else(|| RpcCode::of_http(http_status?));
        let lacks = lacks.or_else(|| permission(&message));
        let refusal = Refusal {
            http_status,
            code,
            message,
            lacks,
        };
        match code {
            None
            | Some(
                RpcCode::InvalidArgument
                | RpcCode::OutOfRange
                | RpcCode::AlreadyExists
                | RpcCode::Unimplemented,
            ) => Self::No(refusal),
            Some(RpcCode::Unauthenticated | RpcCode::PermissionDenied) => Self::NotAllowed(refusal),
            Some(RpcCode::NotFound) => Self::Missing(refusal),
            Some(RpcCode::ResourceExhausted | RpcCode::FailedPrecondition) => Self::NotNow {
                retry_after,
                source: refusal.into(),
            },
            Some(RpcCode::Aborted) => Self::Unknown(refusal.into()),
            // A front end may answer 5xx although what stands behind it did the work.
            Some(
                RpcCode::Cancelled
                | RpcCode::DeadlineExceeded
                | RpcCode::Internal
                | RpcCode::Unavailable
                | RpcCode::Unknown
                | RpcCode::DataLoss,
            ) => match call {
                Idempotency::Idempotent => Self::NotNow {
                    retry_after,
                    source: refusal.into(),
                },
                Idempotency::NotIdempotent => Self::Unknown(refusal.into()),
            },
        }
    }

    /// The request was not sent.
    pub fn not_sent(source: impl Into<Source>) -> Self {
        Self::NotNow {
            retry_after: None,
            source: source.into(),
        }
    }

    /// The request was sent, and no answer says how it ended.
    pub fn not_answered(source: impl Into<Source>, call: Idempotency) -> Self {
        match call {
            Idempotency::Idempotent => Self::not_sent(source),
            Idempotency::NotIdempotent => Self::Unknown(source.into()),
        }
    }

    /// The answer, where there was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::No(refusal) | Self::NotAllowed(refusal) | Self::Missing(refusal) => Some(refusal),
            Self::NotNow { source, .. } | Self::Unknown(source) => source.downcast_ref(),
        }
    }

    /// The code of the answer, where there was one.
    pub fn code(&self) -> Option<RpcCode> {
        self.refusal()?.code
    }
}

/// What a read found; `None` where the service says that it does not exist.
///
/// # Errors
///
/// Every other failure of the call, as it was.
pub fn found<T>(read: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Missing(_)) => Ok(None),
        Err(
            error @ (CallError::No(_)
            | CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Unknown(_)),
        ) => Err(error),
    }
}

/// The permission that `message` names: three words with dots between them, such as
/// `aiplatform.tuningJobs.create`. Host names end otherwise.
fn permission(message: &str) -> Option<String> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
    let found = message
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
        .map(|text| text.trim_matches('.'))
        .find(|text| {
            let words: Vec<&str> = text.split('.').collect();
            words.len() == 3
                && words.iter().all(|word| is_word(word))
                && !matches!(words.last(), Some(&("com" | "org" | "html" | "dev")))
        })?;
    Some(format!("permission `{found}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of an idempotent call and of another one, each by its variant's name.
    #[track_caller]
    fn check(http_status: u16, code: Option<&str>, idempotent: &str, other: &str) {
        let variant = |call| {
            let answer = ErrorAnswer {
                http_status: Some(http_status),
                code: code.map(|code| RpcCode::parse(code).unwrap()),
                ..ErrorAnswer::default()
            };
            let shown = format!("{:?}", CallError::of(answer, call));
            let end = shown.find(|c: char| !c.is_alphabetic()).unwrap();
            shown[..end].to_owned()
        };
        let row = format!("{http_status} {code:?}");
        assert_eq!(variant(Idempotency::Idempotent), idempotent, "{row}");
        assert_eq!(variant(Idempotency::NotIdempotent), other, "{row}");
    }

    #[test]
    fn only_what_is_wrong_with_the_request_is_final() {
        check(400, None, "No", "No");
        check(400, Some("INVALID_ARGUMENT"), "No", "No");
        check(400, Some("OUT_OF_RANGE"), "No", "No");
        check(400, Some("FAILED_PRECONDITION"), "NotNow", "NotNow");
        check(401, None, "NotAllowed", "NotAllowed");
        check(403, Some("PERMISSION_DENIED"), "NotAllowed", "NotAllowed");
        check(404, None, "Missing", "Missing");
        check(405, None, "No", "No");
        check(408, None, "NotNow", "Unknown");
        check(409, Some("ALREADY_EXISTS"), "No", "No");
        check(409, Some("ABORTED"), "Unknown", "Unknown");
        check(409, None, "Unknown", "Unknown");
        check(410, None, "Missing", "Missing");
        check(412, None, "NotNow", "NotNow");
        check(413, None, "No", "No");
        check(418, None, "No", "No");
        check(429, Some("RESOURCE_EXHAUSTED"), "NotNow", "NotNow");
        check(499, Some("CANCELLED"), "NotNow", "Unknown");
        check(500, Some("INTERNAL"), "NotNow", "Unknown");
        check(500, Some("UNKNOWN"), "NotNow", "Unknown");
        check(500, Some("DATA_LOSS"), "NotNow", "Unknown");
        check(501, Some("UNIMPLEMENTED"), "No", "No");
        check(502, None, "NotNow", "Unknown");
        check(503, Some("UNAVAILABLE"), "NotNow", "Unknown");
        check(504, Some("DEADLINE_EXCEEDED"), "NotNow", "Unknown");
        check(599, None, "NotNow", "Unknown");
    }

    #[test]
    fn a_code_is_read_in_either_spelling() {
        for (code, name) in CODES {
            assert_eq!(RpcCode::parse(name), Some(code));
            assert_eq!(RpcCode::parse(&format!("{code:?}")), Some(code));
            assert_eq!(code.to_string(), name);
        }
        assert_eq!(RpcCode::parse("CONNECTION_CLOSED"), None);
    }

    #[test]
    fn the_permission_that_is_missing_is_named() {
        #[track_caller]
        fn check(message: &str, expected: Option<&str>) {
            let found = permission(message);
            let expected = expected.map(|name| format!("permission `{name}`"));
            assert_eq!(found, expected, "{message}");
        }
        check(
            "Permission 'aiplatform.tuningJobs.create' denied on resource \
             '//aiplatform.googleapis.com/projects/p' (or it may not exist).",
            Some("aiplatform.tuningJobs.create"),
        );
        check(
            "a@p.iam.gserviceaccount.com does not have storage.objects.get access to it.",
            Some("storage.objects.get"),
        );
        check("Vertex AI API has not been used in project 1", None);
        check("Enable it by visiting console.developers.google.com", None);
        check("See https://www.example.com for more.", None);
        let denied = ErrorAnswer {
            http_status: Some(403),
            message: "needs run.jobs.run".to_owned(),
            ..ErrorAnswer::default()
        };
        assert_eq!(
            CallError::of(denied, Idempotency::Idempotent).to_string(),
            "not allowed, permission `run.jobs.run` is missing: needs run.jobs.run (PERMISSION_DENIED)"
        );
    }
}
