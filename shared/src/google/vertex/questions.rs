//! Questions that someone else wrote, passed on byte by byte, and their answers likewise.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::{Method, Response};

use super::Vertex;
use crate::{
    google::rest::RestCall,
    outcome::{CallError, Idempotency},
    retry::Budget,
};

/// What is asked of a model, in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionKind {
    /// `generateContent`: an answer.
    Generate,
    /// `countTokens`: how many tokens the question has.
    CountTokens,
}

impl QuestionKind {
    fn method(self) -> &'static str {
        match self {
            Self::Generate => "generateContent",
            Self::CountTokens => "countTokens",
        }
    }
}

/// The answer of `streamGenerateContent`, as it arrives: server-sent events.
#[derive(Debug)]
pub struct AnswerStream(Response);

impl AnswerStream {
    /// The next bytes; `None` at the end. They need not end where an event does.
    ///
    /// # Errors
    ///
    /// Where the connection breaks, or the time of the call is over.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let next = self.0.chunk().await;
        next.map_err(|error| CallError::not_answered(error, Idempotency::Idempotent))
    }
}

impl Vertex {
    /// Asks `model`, an endpoint or a base model by resource name, what `question` says.
    ///
    /// An answer costs its tokens and changes nothing, so asking again is harmless: how often is
    /// worth it, the caller says with `budget`.
    pub fn ask<'a>(
        &'a self,
        model: &'a str,
        kind: QuestionKind,
        question: Bytes,
        budget: Budget,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Bytes, CallError>> {
        let url = self.url("v1", &format!("{model}:{}", kind.method()));
        let call = RestCall::new(Method::POST, url).bytes(question);
        self.transport
            .call_bytes(call.timeout(timeout).budget(budget))
    }

    /// Asks `model` for an answer that arrives in parts. `timeout` is for all of them.
    pub fn stream<'a>(
        &'a self,
        model: &'a str,
        question: Bytes,
        budget: Budget,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<AnswerStream, CallError>> {
        Box::pin(async move {
            let url = self.url("v1", &format!("{model}:streamGenerateContent"));
            let call = RestCall::new(Method::POST, url)
                .query(&[("alt", "sse")])
                .bytes(question);
            let call = call.timeout(timeout).budget(budget);
            self.transport.open(call).await.map(AnswerStream)
        })
    }
}
