//! `OpenAI`'s shape: chat completions, translated to and from Gemini's.
//!
//! <https://platform.openai.com/docs/api-reference/chat>

mod chunks;
mod completion;
mod content;
mod request;

use std::{sync::Arc, time::Instant};

use actix_web::{HttpResponse, web::Bytes};
use serde_json::{Value, json};

use self::{chunks::ChunkFraming, request::ChatRequest};
use super::{noted, served};
use crate::{
    State,
    arm::CallerDigest,
    failure::ServeFailure,
    question::ModelQuestion,
    serving::{self, Terms},
};

/// `POST /v1/chat/completions`.
pub(super) async fn chat(
    state: &Arc<State>,
    body: Bytes,
    terms: Terms,
    begun: Instant,
) -> Result<HttpResponse, ServeFailure> {
    let chat = ChatRequest::read(&body).map_err(ServeFailure::Invalid)?;
    let question = Bytes::from(chat.question.to_string());
    let question = ModelQuestion::read(question).map_err(ServeFailure::Invalid)?;
    let named = chat.caller.as_deref().and_then(CallerDigest::of);
    let terms = Terms {
        caller: terms.caller.or(named),
        ..terms
    };
    let created = state.clock.now().timestamp();
    if chat.is_stream {
        let stream = serving::open(state, &chat.model, &question, terms).await?;
        let mut response = noted(&stream.note);
        let framing = ChunkFraming::new(chat.model, created, chat.with_usage);
        return Ok(response
            .content_type("text/event-stream")
            .streaming(stream.framed(framing)));
    }
    let answer = serving::answer(state, &chat.model, question, terms).await?;
    let value = serde_json::from_slice(&answer.answer).unwrap_or_default();
    let completion = completion::of(&value, &chat.model, created);
    Ok(served(&answer, begun).json(completion))
}

/// An error as `OpenAI` writes it.
pub(super) fn error(failure: &ServeFailure) -> Value {
    let (kind, code) = match failure {
        ServeFailure::Invalid(_) | ServeFailure::TooLarge(_) => ("invalid_request_error", None),
        ServeFailure::Forbidden(_) => ("invalid_request_error", Some("not_allowed")),
        ServeFailure::UnknownModel(_) => ("invalid_request_error", Some("model_not_found")),
        ServeFailure::UnknownPath => ("invalid_request_error", Some("unknown_url")),
        ServeFailure::Method(_) => ("invalid_request_error", Some("method_not_allowed")),
        ServeFailure::Unavailable { .. } => ("server_error", Some("unavailable")),
        ServeFailure::Late => ("server_error", Some("timeout")),
    };
    json!({ "error": {
        "message": failure.to_string(), "type": kind, "param": null, "code": code,
    }})
}
