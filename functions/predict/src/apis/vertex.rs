//! Vertex AI's shape, which is the Gemini API's too.

use std::{sync::Arc, time::Instant};

use actix_web::{HttpResponse, web::Bytes};
use serde_json::{Value, json};
use shared::google::vertex::QuestionKind;

use super::{noted, served};
use crate::{
    State,
    failure::ServeFailure,
    models::Models,
    question::ModelQuestion,
    serving::{self, Terms},
    streaming::Framing,
};

/// `generateContent`.
pub(super) async fn generate(
    state: &Arc<State>,
    model: &str,
    body: Bytes,
    terms: Terms,
    begun: Instant,
) -> Result<HttpResponse, ServeFailure> {
    let question = ModelQuestion::read(body).map_err(ServeFailure::Invalid)?;
    let answer = serving::answer(state, model, question, terms).await?;
    let body = answer.note.append_to(&answer.answer);
    Ok(served(&answer, begun)
        .content_type("application/json; charset=UTF-8")
        .body(body))
}

/// `streamGenerateContent`: server-sent events, or one JSON array.
pub(super) async fn stream(
    state: &Arc<State>,
    model: &str,
    body: Bytes,
    terms: Terms,
    is_sse: bool,
) -> Result<HttpResponse, ServeFailure> {
    let question = ModelQuestion::read(body).map_err(ServeFailure::Invalid)?;
    let stream = serving::open(state, model, &question, terms).await?;
    let mut response = noted(&stream.note);
    Ok(if is_sse {
        response
            .content_type("text/event-stream")
            .streaming(stream.framed(SseFraming))
    } else {
        response
            .content_type("application/json; charset=UTF-8")
            .streaming(stream.framed(ListFraming { events: 0 }))
    })
}

/// `countTokens`: of the model that the route leads to, since that is the one that will be asked.
pub(super) async fn count_tokens(
    state: &Arc<State>,
    model: &str,
    body: Bytes,
    terms: Terms,
) -> Result<HttpResponse, ServeFailure> {
    let question = ModelQuestion::read(body).map_err(ServeFailure::Invalid)?;
    let arm = serving::admit(state, model, &question, terms).await?;
    let asked = state.model_of(arm.as_ref());
    let models = Models {
        state,
        question: &question,
        until: terms.until,
    };
    let counted = models.bytes(&asked, QuestionKind::CountTokens);
    let counted = counted.await.map_err(|error| ServeFailure::of(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("application/json; charset=UTF-8")
        .body(counted))
}

/// An error as Google's services write it.
pub(super) fn error(failure: &ServeFailure) -> Value {
    json!({ "error": {
        "code": failure.status(), "message": failure.to_string(), "status": code(failure),
    }})
}

fn code(failure: &ServeFailure) -> &'static str {
    match failure {
        ServeFailure::Invalid(_) | ServeFailure::TooLarge(_) => "INVALID_ARGUMENT",
        ServeFailure::Forbidden(_) => "PERMISSION_DENIED",
        ServeFailure::UnknownModel(_) | ServeFailure::UnknownPath => "NOT_FOUND",
        ServeFailure::Method(_) => "UNIMPLEMENTED",
        ServeFailure::Unavailable { .. } => "UNAVAILABLE",
        ServeFailure::Late => "DEADLINE_EXCEEDED",
    }
}

/// `alt=sse`.
struct SseFraming;

impl Framing for SseFraming {
    fn event(&mut self, event: &Bytes) -> Bytes {
        sse(event)
    }

    fn end(&mut self, failure: Option<&ServeFailure>) -> Bytes {
        failure.map_or_else(Bytes::new, |failure| {
            sse(error(failure).to_string().as_bytes())
        })
    }
}

/// One event of server-sent events.
fn sse(event: &[u8]) -> Bytes {
    [b"data: ", event, b"\r\n\r\n"].concat().into()
}

/// Without `alt=sse`: the events as the items of one array.
struct ListFraming {
    events: u64,
}

impl ListFraming {
    fn item(&mut self, item: &[u8]) -> Bytes {
        let before: &[u8] = if self.events == 0 { b"[" } else { b",\r\n" };
        self.events += 1;
        [before, item].concat().into()
    }
}

impl Framing for ListFraming {
    fn event(&mut self, event: &Bytes) -> Bytes {
        self.item(event)
    }

    fn end(&mut self, failure: Option<&ServeFailure>) -> Bytes {
        // Google writes an error in the middle of a list as its last item.
        let last = failure.map(|failure| self.item(error(failure).to_string().as_bytes()));
        let open: &[u8] = if self.events == 0 { b"[" } else { b"" };
        [open, &last.unwrap_or_default(), b"]"].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_json_however_it_ends() {
        let write = |events: &[&'static str], failure: Option<ServeFailure>| {
            let mut framing = ListFraming { events: 0 };
            let mut text: Vec<u8> = Vec::new();
            for event in events {
                text.extend(framing.event(&Bytes::from_static(event.as_bytes())));
            }
            text.extend(framing.end(failure.as_ref()));
            serde_json::from_slice::<Value>(&text).unwrap()
        };
        assert_eq!(write(&[], None), json!([]));
        assert_eq!(write(&["{}", "{\"a\":1}"], None), json!([{}, {"a": 1}]));
        let broken = write(&["{}"], Some(ServeFailure::Late));
        assert_eq!(broken[1]["error"]["status"], "DEADLINE_EXCEEDED");
        assert_eq!(
            write(&[], Some(ServeFailure::Late))[0]["error"]["code"],
            504
        );
    }

    #[test]
    fn an_event_ends_with_an_empty_line() {
        let mut framing = SseFraming;
        assert_eq!(
            framing.event(&Bytes::from_static(b"{}")),
            "data: {}\r\n\r\n"
        );
        assert_eq!(framing.end(None), "");
        let failed = framing.end(Some(&ServeFailure::Late));
        assert!(failed.starts_with(b"data: {\"error\":"));
    }
}
