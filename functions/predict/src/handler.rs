//! Answers `POST /v1/models/{model}:generateContent`, shaped as Vertex AI's.

use std::{sync::PoisonError, time::Duration};

use actix_web::{
    HttpResponse,
    web::{Bytes, Data, Path},
};
use serde_json::Value;
use shared::{
    error::{Chain, Error},
    google::vertex,
    id::DatasetName,
    outcome::{CallError, Refusal},
    retry::Budget,
    route::Route,
};
use tracing::{error, info, warn};

use crate::{
    State,
    choose::{
        FallbackReason, Note, ServedBy, ServingChoice, Tuned, annotate, choose, is_cacheable,
    },
    confidence::{Confidence, score},
    fingerprint::Fingerprint,
    route_cache::RouteLookup,
};

/// One retry only: a person is waiting.
const BUDGET: Budget = Budget {
    attempts: 2,
    pause: Duration::from_millis(100),
    retry_after_max: Duration::from_secs(1),
};

/// An answer ready to be sent.
struct Served {
    response: Value,
    note: Note,
}

/// Answers from the cache, the tuned model, or the base model, and says which.
pub(crate) async fn generate_content(
    state: Data<State>,
    model: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    let unknown = || Error::NotFound(format!("model `{model}`"));
    let name: DatasetName = model.parse().map_err(|_error| unknown())?;
    let request = request(&body)?;
    let route = match state.routes.of(&name).await {
        RouteLookup::Route(route) => Some(route),
        RouteLookup::Unknown => return Err(unknown()),
        RouteLookup::Unreadable => None,
    };
    let key = route
        .as_ref()
        .and_then(|route| Fingerprint::of(&request, route.serves(), route.version).ok());
    if let Some(answer) = key.as_ref().and_then(|key| cached(&state, key)) {
        return Ok(respond(answer));
    }
    let served = match &route {
        Some(route) => serve(&state, route, &request).await?,
        None => without_route(&state, &request).await?,
    };
    if let Some(key) = key {
        store(&state, key, &served);
    }
    Ok(respond(served))
}

fn request(body: &[u8]) -> Result<Value, Error> {
    let request: Value = serde_json::from_slice(body)
        .map_err(|error| Error::Unreadable(format!("the body is not JSON: {error}")))?;
    match request.get("contents") {
        Some(Value::Array(contents)) if !contents.is_empty() => Ok(request),
        _ => Err(Error::Unreadable(
            "`contents` must be a non-empty array of turns".to_owned(),
        )),
    }
}

/// The route is unknown: the base model of the settings answers, or 503.
async fn without_route(state: &State, request: &Value) -> Result<Served, Error> {
    let choice = choose(Tuned::NoRoute, &state.config.rules);
    match (choice, &state.config.base_model) {
        (ServingChoice::Base(reason), Some(model)) => {
            let base = state.vertex.base_model(model);
            serve_base(state, &base, None, request, Some(reason), None).await
        }
        _ => Err(Error::Unavailable {
            what: "the route of this model",
            source: "the route cannot be read, and PREDICT_BASE_MODEL is not set".into(),
        }),
    }
}

async fn serve(state: &State, route: &Route, request: &Value) -> Result<Served, Error> {
    let Some(target) = &route.target else {
        return serve_base(state, &route.base, Some(route.version), request, None, None).await;
    };
    let replied = ask(state, &target.endpoint, request).await;
    let scored = replied.map(|reply| {
        let confidence = score(&reply, &state.config.expected);
        (reply, confidence)
    });
    let tuned = match &scored {
        Ok((_, confidence)) => Tuned::Replied(confidence),
        Err(error) => Tuned::Failed(error),
    };
    let choice = choose(tuned, &state.config.rules);
    match choice {
        ServingChoice::Tuned => {
            let (response, confidence) = scored.map_err(refused)?;
            Ok(Served {
                response,
                note: Note {
                    served_by: ServedBy::Tuned,
                    route: Some(route.version),
                    fallback_reason: None,
                    cached: false,
                    confidence: Some(confidence),
                },
            })
        }
        ServingChoice::Base(reason) => {
            let confidence = match scored {
                Ok((_, confidence)) => Some(confidence),
                Err(error) => {
                    log_fallback(&error);
                    None
                }
            };
            let version = Some(route.version);
            serve_base(
                state,
                &route.base,
                version,
                request,
                Some(reason),
                confidence,
            )
            .await
        }
        ServingChoice::Refuse => without_route(state, request).await,
    }
}

/// Logs why the base model answers in place of the tuned one. The caller does not learn the cause, so
/// this line is its only trace.
fn log_fallback(error: &CallError) {
    let chain = Chain(error);
    match error {
        CallError::NotAllowed(refusal) => error!(
            outcome = "not_allowed",
            service = vertex::SERVICE,
            lacks = refusal.lacks,
            "the tuned model cannot be asked: {chain}"
        ),
        CallError::No(_)
        | CallError::NotNow { .. }
        | CallError::Missing(_)
        | CallError::Unknown(_) => warn!(
            outcome = "tuned_failed",
            "the tuned model did not answer: {chain}"
        ),
    }
}

async fn serve_base(
    state: &State,
    model: &str,
    route: Option<u64>,
    request: &Value,
    reason: Option<FallbackReason>,
    confidence: Option<Confidence>,
) -> Result<Served, Error> {
    let response = ask(state, model, request).await.map_err(refused)?;
    let confidence = confidence.or_else(|| Some(score(&response, &state.config.expected)));
    Ok(Served {
        response,
        note: Note {
            served_by: ServedBy::Base,
            route,
            fallback_reason: reason,
            cached: false,
            confidence,
        },
    })
}

async fn ask(state: &State, model: &str, request: &Value) -> Result<Value, CallError> {
    let timeout = state.config.timeout;
    state.vertex.generate(model, request, BUDGET, timeout).await
}

/// Only what the service says about the request is the caller's business. All else is ours: what
/// we may not do, or what is not there, is logged, and the caller is asked to come again.
fn refused(error: CallError) -> Error {
    match error {
        CallError::No(refusal) => Error::Unreadable(fault_of_request(refusal)),
        error @ (CallError::NotAllowed(_)
        | CallError::NotNow { .. }
        | CallError::Missing(_)
        | CallError::Unknown(_)) => Error::call("the model")(error),
    }
}

/// The service's words about the request, unless they name resources of ours.
fn fault_of_request(refusal: Refusal) -> String {
    if refusal.message.is_empty() || refusal.message.contains("projects/") {
        "the model does not accept the request".to_owned()
    } else {
        refusal.message
    }
}

fn cached(state: &State, key: &Fingerprint) -> Option<Served> {
    let mut cache = state.cache.lock().unwrap_or_else(PoisonError::into_inner);
    let body = cache.get(key, state.clock.now())?;
    let response: Value = serde_json::from_slice(&body).ok()?;
    let mut note: Note = serde_json::from_value(response.get("lapidary")?.clone()).ok()?;
    note.cached = true;
    Some(Served { response, note })
}

fn store(state: &State, key: Fingerprint, served: &Served) {
    let cacheable = (served.note.confidence.as_ref())
        .is_some_and(|confidence| is_cacheable(served.note.fallback_reason, confidence));
    if !cacheable {
        return;
    }
    let annotated = annotate(served.response.clone(), &served.note);
    if let Ok(body) = serde_json::to_vec(&annotated) {
        let mut cache = state.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(key, body, state.clock.now());
    }
}

fn respond(served: Served) -> HttpResponse {
    let Served { response, note } = served;
    info!(
        event.name = "answered",
        served_by = ?note.served_by,
        cached = note.cached,
        fallback = note.fallback_reason.is_some(),
        "answered by the {:?} model",
        note.served_by
    );
    HttpResponse::Ok().json(annotate(response, &note))
}

#[cfg(test)]
mod tests;
