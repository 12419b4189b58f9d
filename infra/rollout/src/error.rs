//! Why an action of a release failed, worded for the person who reads the build's log.

use std::time::Duration;

use shared::{error::Chain, outcome::CallError};

use crate::request_counts::RequestCounts;

/// Why an action was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A service refused the call, or did not answer.
    #[error("the call to {0} failed")]
    Call(&'static str, #[source] CallError),
    /// One of Google's clients failed.
    #[error("{0}")]
    Client(
        &'static str,
        #[source] Box<dyn std::error::Error + Send + Sync>,
    ),
    /// A resource that Terraform creates does not exist.
    #[error("{0} does not exist: apply the Terraform first")]
    Missing(String),
    /// The new revision failed.
    #[error("the revision failed: {0}")]
    Failed(String),
    /// The expected state was not reached in time.
    #[error("timed out after {limit_s} s; last seen: {seen}")]
    Late {
        /// The time limit, in seconds.
        limit_s: u64,
        /// What was seen instead.
        seen: String,
    },
    /// The smoke test got the wrong answer.
    #[error("{0}")]
    SmokeTest(String),
    /// Too many requests failed.
    #[error(
        "{} of {} requests failed on the new revision, {} of {} on the serving one",
        new.errors, new.all, serving.errors, serving.all
    )]
    TooManyFailures {
        /// On the new revision.
        new: RequestCounts,
        /// On the serving one.
        serving: RequestCounts,
    },
    /// A signal stopped the release.
    #[error("stopped by a signal")]
    Stopped,
}

impl Error {
    pub(crate) fn late(limit: Duration, seen: &str) -> Self {
        Self::Late {
            limit_s: limit.as_secs(),
            seen: seen.to_owned(),
        }
    }

    /// The error and all its causes, on one line.
    pub(crate) fn line(&self) -> String {
        Chain(self).to_string()
    }
}
