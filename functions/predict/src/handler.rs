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
    choose::{Choice, FallbackReason, Note, ServedBy, Tuned, annotate, choose, may_be_remembered},
    confidence::{Confidence, judge},
    fingerprint::Fingerprint,
    routes::Found,
};

/// One retry: a person waits.
const BUDGET: Budget = Budget {
    attempts: 2,
    pause: Duration::from_millis(100),
    retry_after_max: Duration::from_secs(1),
};

/// An answer on its way out.
struct Served {
    response: Value,
    note: Note,
}

/// Answers from the cache, the routed model, or the base model; says which.
pub(crate) async fn generate_content(
    state: Data<State>,
    model: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Error> {
    let unknown = || Error::NotFound(format!("model `{model}`"));
    let name: DatasetName = model.parse().map_err(|_error| unknown())?;
    let request = request(&body)?;
    let route = match state.routes.of(&name).await {
        Found::Route(route) => Some(route),
        Found::Unknown => return Err(unknown()),
        Found::Unreadable => None,
    };
    let key = route
        .as_ref()
        .and_then(|route| Fingerprint::of(&request, route.serves(), route.version).ok());
    if let Some(answer) = key.as_ref().and_then(|key| remembered(&state, key)) {
        return Ok(respond(answer));
    }
    let served = match &route {
        Some(route) => serve(&state, route, &request).await?,
        None => without_route(&state, &request).await?,
    };
    if let Some(key) = key {
        remember(&state, key, &served);
    }
    Ok(respond(served))
}

fn request(body: &[u8]) -> Result<Value, Error> {
    let request: Value = serde_json::from_slice(body)
        .map_err(|error| Error::Unreadable(format!("the body is not JSON: {error}")))?;
    match request.get("contents") {
        Some(Value::Array(contents)) if !contents.is_empty() => Ok(request),
        _ => Err(Error::Unreadable(
            "`contents` must be a list of turns".to_owned(),
        )),
    }
}

/// Nothing is known of the route: the base model of the settings, or nobody.
async fn without_route(state: &State, request: &Value) -> Result<Served, Error> {
    let choice = choose(Tuned::NoRoute, &state.config.rules);
    match (choice, &state.config.base_model) {
        (Choice::Base(reason), Some(model)) => {
            let base = state.vertex.base_model(model);
            by_base(state, &base, None, request, Some(reason), None).await
        }
        _ => Err(Error::Unavailable {
            what: "the route of this model",
            source: "it cannot be read, and PREDICT_BASE_MODEL is not set".into(),
        }),
    }
}

async fn serve(state: &State, route: &Route, request: &Value) -> Result<Served, Error> {
    let Some(target) = &route.target else {
        return by_base(state, &route.base, Some(route.version), request, None, None).await;
    };
    let replied = ask(state, &target.endpoint, request).await;
    let judged = replied.map(|reply| {
        let confidence = judge(&reply, &state.config.expected);
        (reply, confidence)
    });
    let tuned = match &judged {
        Ok((_, confidence)) => Tuned::Replied(confidence),
        Err(error) => Tuned::Failed(error),
    };
    let choice = choose(tuned, &state.config.rules);
    match choice {
        Choice::Tuned => {
            let (response, confidence) = judged.map_err(refused)?;
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
        Choice::Base(reason) => {
            let confidence = match judged {
                Ok((_, confidence)) => Some(confidence),
                Err(error) => {
                    log_fallback(&error);
                    None
                }
            };
            let version = Some(route.version);
            by_base(
                state,
                &route.base,
                version,
                request,
                Some(reason),
                confidence,
            )
            .await
        }
        Choice::Refuse => without_route(state, request).await,
    }
}

/// Says why the base model answers in place of the tuned one: the caller is not told, so this line
/// is all there is of it.
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

async fn by_base(
    state: &State,
    model: &str,
    route: Option<u64>,
    request: &Value,
    reason: Option<FallbackReason>,
    confidence: Option<Confidence>,
) -> Result<Served, Error> {
    let response = ask(state, model, request).await.map_err(refused)?;
    let confidence = confidence.or_else(|| Some(judge(&response, &state.config.expected)));
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

fn remembered(state: &State, key: &Fingerprint) -> Option<Served> {
    let mut cache = state.cache.lock().unwrap_or_else(PoisonError::into_inner);
    let body = cache.get(key, state.clock.now())?;
    let response: Value = serde_json::from_slice(&body).ok()?;
    let mut note: Note = serde_json::from_value(response.get("lapidary")?.clone()).ok()?;
    note.cached = true;
    Some(Served { response, note })
}

fn remember(state: &State, key: Fingerprint, served: &Served) {
    let worth = (served.note.confidence.as_ref())
        .is_some_and(|confidence| may_be_remembered(served.note.fallback_reason, confidence));
    if !worth {
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
