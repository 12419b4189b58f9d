//! A failure as a page: what a person may know about it, and what to do.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use shared::error::Error;

use crate::page;

/// A failure that is answered with a page. Programs get [`Error`] itself.
#[derive(Debug)]
pub(crate) struct FailurePage(Error);

impl From<Error> for FailurePage {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for FailurePage {
    /// In plain words, and never with the text of a cause, which may hold internals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Error::Malformed(_) | Error::Unreadable(_) => f.write_str("the request cannot be read"),
            Error::Unauthenticated(why) => f.write_str(why),
            Error::NotFound(what) => write!(f, "{what} does not exist"),
            Error::Refused(why) => f.write_str(why),
            Error::Busy(_) => {
                f.write_str("something else changed it at the same time: go back and try again")
            }
            Error::Unavailable { what, .. } => {
                write!(f, "{what} is not answering: try again in a minute")
            }
            Error::NotAllowed { service, .. } => {
                write!(
                    f,
                    "the console may not use {service}: its log names what is missing"
                )
            }
            Error::Internal { .. } => {
                f.write_str("this is a fault of the console: see its log for details")
            }
        }
    }
}

impl ResponseError for FailurePage {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        // The response of the inner error is not sent, but building it is what logs the failure.
        let status = self.0.error_response().status();
        page::answer(status, page::failure(status, &self.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use shared::outcome::{CallError, ErrorAnswer, Idempotency};

    use super::*;

    #[track_caller]
    fn check(error: Error, status: u16, expected: &str) {
        let response = FailurePage(error).error_response();
        assert_eq!(response.status().as_u16(), status, "{expected}");
        let body = response.into_body().try_into_bytes().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(expected), "{body}");
        assert!(!body.contains("secret"), "{body}");
    }

    #[test]
    fn the_text_of_a_cause_never_reaches_a_page() {
        let source = || "secret detail".into();
        check(
            Error::Internal {
                what: "secret invariant",
                source: source(),
            },
            500,
            "a fault of the console",
        );
        check(
            Error::Unavailable {
                what: "Firestore",
                source: source(),
            },
            503,
            "Firestore is not answering",
        );
        let denied = ErrorAnswer {
            http_status: Some(403),
            message: "secret".to_owned(),
            ..ErrorAnswer::default()
        };
        check(
            Error::call("Firestore")(CallError::of(denied, Idempotency::Idempotent)),
            503,
            "the console may not use Firestore",
        );
        check(Error::Malformed("secret".to_owned()), 400, "cannot be read");
        check(Error::Busy("secret".into()), 503, "try again");
        check(
            Error::NotFound("<b>x".to_owned()),
            404,
            "&lt;b&gt;x does not exist",
        );
    }
}
