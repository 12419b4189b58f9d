//! Why a call is refused: one enum, and one place where it becomes a gRPC status.

use tonic::{Code, Status};

use crate::db;

/// Why a call is refused; the texts follow those of the service.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The request is invalid, whatever the documents are.
    #[error("{0}")]
    Invalid(String),
    /// The requested document does not exist.
    #[error("Document \"{0}\" not found.")]
    NotFound(String),
    /// A write requires a document that does not exist.
    #[error("No document to update: {0}")]
    NothingToUpdate(String),
    /// A write requires that a document does not exist, but it does.
    #[error("Document already exists: {0}")]
    Exists(String),
    /// A write requires a document in another version than the stored one (microseconds; 0: absent).
    #[error("the stored version ({stored}) does not match the required base version ({required})")]
    Stale {
        /// The version in the store.
        stored: i64,
        /// The version in the precondition.
        required: i64,
    },
    /// The call cannot be served in the current state of the database or its indexes.
    #[error("{0}")]
    Unready(String),
    /// Another commit changed what the transaction had read: the client must retry it.
    #[error("Aborted due to cross-transaction contention. Please try again.")]
    Contention,
    /// A part of the API that is not served.
    #[error("the emulator does not serve {0}")]
    Unserved(&'static str),
    /// The store failed; nothing was written.
    #[error("the emulator cannot store the write")]
    Store(#[from] db::Error),
}

impl Error {
    /// An invalid request.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The canonical code.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NotFound(_) | Self::NothingToUpdate(_) => Code::NotFound,
            Self::Exists(_) => Code::AlreadyExists,
            Self::Stale { .. } | Self::Unready(_) => Code::FailedPrecondition,
            Self::Contention => Code::Aborted,
            Self::Unserved(_) => Code::Unimplemented,
            Self::Store(_) => Code::Internal,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
