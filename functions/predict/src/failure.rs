//! Why a question gets no answer, in words for its caller. Its API decides how it is written.

use std::time::Duration;

use shared::{
    error::Chain,
    google::vertex,
    outcome::{CallError, Refusal},
};
use tracing::{error, warn};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServeFailure {
    /// The request cannot be answered as it is; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// The request brings in what is not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// No model has that name.
    #[error("the model `{0}` is not found")]
    UnknownModel(String),
    /// Nothing is served at that path.
    #[error("nothing is served at this path")]
    UnknownPath,
    /// The path is served for other methods.
    #[error("this path is served for {0} only")]
    Method(&'static str),
    /// The request has too many bytes.
    #[error("the request has more than {0} bytes")]
    TooLarge(usize),
    /// The models cannot be asked now.
    #[error("the model is unavailable; try again later")]
    Unavailable {
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// The time of the request is over.
    #[error("the model did not answer in time")]
    Late,
}

impl ServeFailure {
    /// What a failed call to a model is to the caller. Only what the service says about the request is their business. All else
    /// is ours: what we may not do, or what is not there, is logged, and the caller is asked to come again.
    pub(crate) fn of(error: &CallError) -> Self {
        log(error, "the model cannot be asked");
        match error {
            CallError::No(refusal) => Self::Invalid(fault_of_request(refusal)),
            CallError::NotNow { retry_after, .. } => Self::Unavailable {
                retry_after: *retry_after,
            },
            CallError::NotAllowed(_) | CallError::Missing(_) | CallError::Unknown(_) => {
                Self::Unavailable { retry_after: None }
            }
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::Forbidden(_) => 403,
            Self::UnknownModel(_) | Self::UnknownPath => 404,
            Self::Method(_) => 405,
            Self::TooLarge(_) => 413,
            Self::Unavailable { .. } => 503,
            Self::Late => 504,
        }
    }

    /// Seconds that the caller should wait.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Unavailable { retry_after } => retry_after.map(|wait| wait.as_secs().max(1)),
            Self::Invalid(_)
            | Self::Forbidden(_)
            | Self::UnknownModel(_)
            | Self::UnknownPath
            | Self::Method(_)
            | Self::TooLarge(_)
            | Self::Late => None,
        }
    }
}

/// The service's words about the request, unless they name resources of ours.
fn fault_of_request(refusal: &Refusal) -> String {
    if refusal.message.is_empty() || refusal.message.contains("projects/") {
        "the model does not accept the request".to_owned()
    } else {
        refusal.message.clone()
    }
}

/// Logs a failed call. The caller does not learn the cause, so this line is its only trace.
pub(crate) fn log(error: &CallError, what: &str) {
    let chain = Chain(error);
    match error {
        CallError::NotAllowed(refusal) => error!(
            outcome = "not_allowed",
            dependency = vertex::SERVICE,
            lacks = refusal.lacks,
            "{what}: {chain}"
        ),
        // The text may quote the prompt.
        CallError::No(_) => warn!(outcome = "request_refused", "a caller's request is refused"),
        CallError::NotNow { .. } | CallError::Missing(_) | CallError::Unknown(_) => {
            warn!(outcome = "model_failed", "{what}: {chain}");
        }
    }
}
