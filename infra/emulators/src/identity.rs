//! Who calls: the metadata server that gives default credentials, and the key that signs push tokens.

use crate::{
    Error,
    clock::Clock,
    grpc::{Request, Response},
    rest,
};

/// The signing key and the project it speaks for.
#[derive(Debug, Clone)]
pub(crate) struct Identity;

impl Identity {
    pub(crate) fn new(_project: &str, _clock: &Clock) -> Result<Self, Error> {
        Ok(Self)
    }

    pub(crate) fn mint(&self, email: &str, audience: &str) -> String {
        format!("{email}.{audience}.unsigned")
    }

    pub(crate) async fn rest(&self, request: Request) -> Response {
        rest::Error::unimplemented(request.method(), request.uri().path()).into_response()
    }
}
