//! The one place where a failure becomes an HTTP status, and a status an acknowledgement.
//!
//! | outcome | HTTP | Pub/Sub | what we do |
//! |---|---|---|---|
//! | done, or done before | 204 | stops | info, field `outcome` |
//! | content that can never succeed | 204 | stops | recorded on its document, warn |
//! | a person's request cannot be read | 400 | – | warn, without its text |
//! | the envelope cannot be read | 400 | retries, then dead letters | error |
//! | the token is missing or false | 401 | retries, then dead letters | warn |
//! | a dependency is unavailable, a conflict was lost | 503 | retries with back-off | warn |
//! | a dependency does not allow us a call | 503 | retries with back-off | error: a person must act |
//! | our bug | 500 | retries, then dead letters | error |
//!
//! Push deliveries are acknowledged by 102, 200, 201, 202 and 204 only: no 4xx is final to
//! Pub/Sub, so what is permanent must be acknowledged by us ([`Ack::refused`]).

use std::{borrow::Cow, error::Error as StdError};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError, body::BoxBody, http::StatusCode,
};
use serde_json::json;
use tracing::{error, info, warn};

use crate::outcome::{CallError, Source};

/// How a handler can fail, named by what the sender should do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be read; sending it again changes nothing.
    #[error("unreadable request: {0}")]
    Malformed(String),
    /// A person's or a program's request cannot be read. The fault is in the answer only: its text
    /// may quote what they wrote, so it is never logged.
    #[error("{0}")]
    Unreadable(String),
    /// The sender did not prove who it is.
    #[error("not authenticated: {0}")]
    Unauthenticated(&'static str),
    /// What the path names does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The request is well-formed but asks for what cannot be, now.
    #[error("{0}")]
    Refused(String),
    /// Another delivery does the same work now, or changed it meanwhile; come back later.
    #[error("busy: {0}")]
    Busy(Cow<'static, str>),
    /// A dependency does not answer; come back later.
    #[error("{what} is unavailable")]
    Unavailable {
        /// The dependency, as an operator would name it.
        what: &'static str,
        /// Its answer, or why there is none.
        #[source]
        source: Source,
    },
    /// A service does not let us make a call: a person must grant a permission or enable an API;
    /// come back later.
    #[error("{service} does not allow a call")]
    NotAllowed {
        /// The service, as an operator would name it.
        service: &'static str,
        /// Its answer, which names what is missing.
        #[source]
        source: CallError,
    },
    /// A bug of ours: something that should be impossible happened.
    #[error("internal fault: {what}")]
    Internal {
        /// What happened.
        what: &'static str,
        /// The error that showed it.
        #[source]
        source: Source,
    },
}

impl Error {
    /// A failed call to `service`, for a delivery: all but a definite no comes again.
    ///
    /// A 404 comes again too: what a call names may be there at the next attempt. A caller for
    /// whom it means more matches [`CallError::Missing`] before this.
    pub fn call(service: &'static str) -> impl Fn(CallError) -> Self {
        move |error| match error {
            CallError::No(_) => Self::Internal {
                what: "a request that a service refuses",
                source: error.into(),
            },
            CallError::NotAllowed(_) => Self::NotAllowed {
                service,
                source: error,
            },
            CallError::NotNow { .. } | CallError::Missing(_) | CallError::Unknown(_) => {
                Self::Unavailable {
                    what: service,
                    source: error.into(),
                }
            }
        }
    }

    /// `what` is unavailable.
    pub fn unavailable(what: &'static str) -> impl Fn(Source) -> Self {
        move |source| Self::Unavailable { what, source }
    }

    /// Whether a person must act before it ends: what the table logs as an error.
    pub fn is_for_a_person(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::NotAllowed { .. } | Self::Internal { .. } => true,
            Self::Unreadable(_)
            | Self::Unauthenticated(_)
            | Self::NotFound(_)
            | Self::Refused(_)
            | Self::Busy(_)
            | Self::Unavailable { .. } => false,
        }
    }

    /// The stable code for programs.
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Unreadable(_) => "malformed",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::NotFound(_) => "not_found",
            Self::Refused(_) => "refused",
            Self::Busy(_) => "busy",
            Self::Unavailable { .. } | Self::NotAllowed { .. } => "unavailable",
            Self::Internal { .. } => "internal",
        }
    }

    /// The text for the caller: never that of a cause.
    fn detail(&self) -> String {
        match self {
            Self::Internal { .. } => "internal fault".to_owned(),
            // Which permissions this service lacks is not for those who call it.
            Self::NotAllowed { service, .. } => format!("{service} is unavailable"),
            Self::Malformed(_)
            | Self::Unreadable(_)
            | Self::Unauthenticated(_)
            | Self::NotFound(_)
            | Self::Refused(_)
            | Self::Busy(_)
            | Self::Unavailable { .. } => self.to_string(),
        }
    }

    /// Logs the failure once, at the severity that the table gives it.
    fn log(&self) {
        let chain = Chain(self).to_string();
        match self {
            Self::Malformed(_) | Self::Internal { .. } => {
                error!(outcome = self.code(), "{chain}");
            }
            Self::NotAllowed { service, source } => {
                let lacks = source
                    .refusal()
                    .and_then(|refusal| refusal.lacks.as_deref());
                error!(outcome = "not_allowed", service, lacks, "{chain}");
            }
            Self::Unreadable(_) => {
                warn!(outcome = self.code(), "a caller's request cannot be read");
            }
            Self::Unauthenticated(_)
            | Self::NotFound(_)
            | Self::Refused(_)
            | Self::Busy(_)
            | Self::Unavailable { .. } => warn!(outcome = self.code(), "{chain}"),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Busy(_) | Self::Unavailable { .. } | Self::NotAllowed { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        let status = self.status_code();
        HttpResponse::build(status)
            .content_type("application/problem+json")
            .body(
                json!({
                    "title": status.canonical_reason(),
                    "status": status.as_u16(),
                    "code": self.code(),
                    "detail": self.detail(),
                })
                .to_string(),
            )
    }
}

/// A delivery that need not come again.
#[derive(Debug)]
pub struct Ack {
    outcome: &'static str,
    note: String,
    refused: bool,
}

impl Ack {
    /// The work is done, now or by an earlier delivery; `outcome` is a stable word.
    pub fn done(outcome: &'static str, note: impl Into<String>) -> Self {
        Self {
            outcome,
            note: note.into(),
            refused: false,
        }
    }

    /// The content can never succeed, and that has been **recorded** where a person finds it.
    pub fn refused(outcome: &'static str, note: impl Into<String>) -> Self {
        Self {
            outcome,
            note: note.into(),
            refused: true,
        }
    }

    /// What was done, in plain words.
    pub fn note(&self) -> &str {
        &self.note
    }
}

impl Responder for Ack {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let Self { outcome, note, .. } = &self;
        if self.refused {
            warn!(outcome, "{note}");
        } else {
            info!(outcome, "{note}");
        }
        HttpResponse::NoContent().finish()
    }
}

/// Shows an error with all its causes, separated by colons.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn StdError + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{ErrorAnswer, Idempotency};

    #[test]
    fn what_we_may_not_do_is_not_for_our_callers() {
        let answer = ErrorAnswer {
            http_status: Some(403),
            message: "Permission 'a.b.create' denied on resource '//x/projects/p'".to_owned(),
            ..ErrorAnswer::default()
        };
        let denied = CallError::of(answer, Idempotency::Idempotent);
        let error = Error::call("Vertex AI")(denied);
        assert_eq!(error.detail(), "Vertex AI is unavailable");
        assert_eq!(error.status_code(), StatusCode::SERVICE_UNAVAILABLE);
        let chain = Chain(&error).to_string();
        assert!(
            chain.contains("permission `a.b.create` is missing"),
            "{chain}"
        );
    }

    #[test]
    fn the_text_of_a_cause_never_leaves() {
        let error = Error::Internal {
            what: "a plan that does not parse",
            source: "secret detail".into(),
        };
        assert_eq!(error.detail(), "internal fault");
        assert_eq!(
            Chain(&error).to_string(),
            "internal fault: a plan that does not parse: secret detail"
        );
    }
}
