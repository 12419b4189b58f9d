//! Scripted faults: what goes wrong, with which call, how often.

use std::future::Future;

use crate::{
    clock::Clock,
    grpc::{Request, Response},
    rest,
};

/// The faults that are armed.
#[derive(Debug, Clone)]
pub(crate) struct Faults;

impl Faults {
    pub(crate) fn new(_clock: Clock) -> Self {
        Self
    }

    pub(crate) async fn control(&self, request: Request) -> Response {
        rest::Error::unimplemented(request.method(), request.uri().path()).into_response()
    }

    pub(crate) async fn around<F, Fut>(&self, request: Request, answer: F) -> Response
    where
        F: FnOnce(Request) -> Fut,
        Fut: Future<Output = Response>,
    {
        answer(request).await
    }
}
