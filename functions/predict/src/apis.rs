//! The APIs by which questions come: Vertex AI's, the Gemini API's and `OpenAI`'s, at the paths that their clients use.

mod address;
mod openai;
mod vertex;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header::HeaderMap},
    web::{Bytes, Data},
};
use shared::error::Chain;
use tracing::{info, warn};

use self::address::{Address, ApiStyle};
use crate::{
    State,
    arm::CallerDigest,
    failure::ServeFailure,
    note::Note,
    serving::{Served, Terms},
};

/// The header by which a client says whose question it is, so that one model of a route answers all of them.
const CALLER: &str = "x-lapidary-caller";

/// Answers any request.
pub(crate) async fn enter(
    state: Data<Arc<State>>,
    request: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let (api, address) = Address::of(request.path());
    let begun = Instant::now();
    let answered = match address {
        Some(address) => handle(&state, &request, &address, body, begun).await,
        None => Err(ServeFailure::UnknownPath),
    };
    answered.unwrap_or_else(|failure| refuse(api, &failure))
}

async fn handle(
    state: &Arc<State>,
    request: &HttpRequest,
    address: &Address<'_>,
    body: Result<Bytes, actix_web::Error>,
    begun: Instant,
) -> Result<HttpResponse, ServeFailure> {
    let expected = address.method();
    if request.method() != expected {
        return Err(ServeFailure::Method(if expected == Method::GET {
            "GET"
        } else {
            "POST"
        }));
    }
    let terms = terms(request.headers(), begun, state.config.timeout);
    let body = || body.map_err(|error| unreadable(&error, state.config.body_max_bytes));
    match address {
        Address::Generate { model } => vertex::generate(state, model, body()?, terms, begun).await,
        Address::Stream { model } => {
            let is_sse = request
                .query_string()
                .split('&')
                .any(|pair| pair == "alt=sse");
            vertex::stream(state, model, body()?, terms, is_sse).await
        }
        Address::CountTokens { model } => vertex::count_tokens(state, model, body()?, terms).await,
        Address::Chat => openai::chat(state, body()?, terms, begun).await,
        Address::Model { model, .. } => {
            crate::serving::route(state, model).await?;
            Ok(HttpResponse::Ok().json(address::card(model)))
        }
        Address::Models => {
            let names = state.routes.names().await.map_err(|error| {
                warn!(
                    outcome = "names_unreadable",
                    "the models cannot be listed: {}",
                    Chain(&error)
                );
                ServeFailure::Unavailable { retry_after: None }
            })?;
            Ok(HttpResponse::Ok().json(address::list(&names)))
        }
    }
}

/// When the answer must be there: what the caller's client allows, at most what the setting does.
fn terms(headers: &HeaderMap, begun: Instant, most: Duration) -> Terms {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    // Google's clients send the first one, OpenAI's the second, both in seconds.
    let asked = ["x-server-timeout", "x-stainless-read-timeout"]
        .iter()
        .filter_map(|name| {
            let seconds: f64 = text(name)?.trim().parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok()
        });
    let given = asked
        .filter(|given| !given.is_zero())
        .fold(most, Duration::min);
    let directives = text("cache-control")
        .unwrap_or_default()
        .to_ascii_lowercase();
    Terms {
        until: begun + given,
        fresh: directives.contains("no-cache") || directives.contains("no-store"),
        caller: text(CALLER).and_then(CallerDigest::of),
    }
}

fn unreadable(error: &actix_web::Error, bytes_max: usize) -> ServeFailure {
    if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        ServeFailure::TooLarge(bytes_max)
    } else {
        ServeFailure::Invalid("the body of the request did not arrive whole".to_owned())
    }
}

/// A failure in the shape of the API.
fn refuse(api: ApiStyle, failure: &ServeFailure) -> HttpResponse {
    let status = StatusCode::from_u16(failure.status());
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(seconds) = failure.retry_after_s() {
        response.insert_header(("retry-after", seconds.to_string()));
    }
    if let ServeFailure::Method(allowed) = failure {
        response.insert_header(("allow", *allowed));
    }
    info!(
        event.name = "not_answered",
        status = failure.status(),
        "not answered"
    );
    response.json(match api {
        ApiStyle::Google => vertex::error(failure),
        ApiStyle::OpenAi => openai::error(failure),
    })
}

/// The start of a response to a question, with the note in its headers.
fn noted(note: &Note) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    for header in note.headers() {
        response.insert_header(header);
    }
    info!(
        event.name = "answered",
        served_by = ?note.served_by,
        cached = note.cached,
        fallback = note.fallback_reason.is_some(),
        "answered by the {:?} model",
        note.served_by
    );
    response
}

/// The start of a response to a question that was answered at once.
fn served(served: &Served, begun: Instant) -> HttpResponseBuilder {
    let mut response = noted(&served.note);
    let ours = begun.elapsed().saturating_sub(served.models).as_micros();
    response.insert_header(("x-lapidary-overhead-us", ours.to_string()));
    response
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_callers_time_limit_and_wish_for_a_fresh_answer_are_read() {
        let begun = Instant::now();
        let read = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            let terms = terms(&headers.collect(), begun, Duration::from_mins(1));
            ((terms.until - begun).as_millis(), terms.fresh)
        };
        assert_eq!(read(&[]), (60_000, false));
        assert_eq!(read(&[("x-server-timeout", "10")]), (10_000, false));
        assert_eq!(read(&[("x-stainless-read-timeout", "0.5")]), (500, false));
        for odd in ["600", "-1", "soon", "NaN", "inf", "0"] {
            assert_eq!(read(&[("x-server-timeout", odd)]), (60_000, false), "{odd}");
        }
        assert_eq!(
            read(&[("cache-control", "max-age=0, No-Cache")]),
            (60_000, true)
        );
    }
}
