//! What can go wrong with an order, in words for whoever reads the build's log.

use shared::outcome::CallError;

use crate::requests::Requests;

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// A service refuses, or does not answer.
    #[error("{0} does not do what it was asked")]
    Call(&'static str, #[source] CallError),
    /// A client of Google's.
    #[error("{0}")]
    Client(
        &'static str,
        #[source] Box<dyn std::error::Error + Send + Sync>,
    ),
    /// What Terraform makes is not there.
    #[error("{0} does not exist: apply the Terraform first")]
    Missing(String),
    /// The new revision failed.
    #[error("the revision failed: {0}")]
    Failed(String),
    /// What was waited for did not come.
    #[error("waited {limit_s} s in vain; last seen: {seen}")]
    Late {
        /// How long, in seconds.
        limit_s: u64,
        /// What was there instead.
        seen: String,
    },
    /// The smoke test was answered wrongly.
    #[error("{0}")]
    Smoke(String),
    /// Too many errors.
    #[error(
        "{} of {} requests failed at the new revision, {} of {} at the serving one",
        new.errors, new.all, serving.errors, serving.all
    )]
    Errors {
        /// At the new revision.
        new: Requests,
        /// At the serving one.
        serving: Requests,
    },
    /// A signal came.
    #[error("told to stop")]
    Stopped,
}
