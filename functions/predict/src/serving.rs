//! From a question to the answer that is served: what is allowed, the route, the cache, the models.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use actix_web::web::Bytes;
use futures::FutureExt as _;
use shared::{id::DatasetName, route::Route};
use tracing::warn;

use crate::{
    State,
    arm::{Arm, CallerDigest, Seat},
    canary_log::CountedAnswer,
    choose::{WithoutRoute, is_cacheable},
    failure::ServeFailure,
    fingerprint::Fingerprint,
    models::Models,
    note::{BaseNotServed, Note},
    question::ModelQuestion,
    race::{self, Chosen, Scored},
    route_cache::RouteLookup,
    shadow,
    stream_count::StreamCount,
    streaming::OpenStream,
};

/// An answer to serve.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// The model's own bytes.
    pub(crate) answer: Bytes,
    pub(crate) note: Note,
    /// How long the models took.
    pub(crate) models: Duration,
}

/// How a caller wants to be answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// When the answer must be there.
    pub(crate) until: Instant,
    /// Whether no cached answer may be served.
    pub(crate) fresh: bool,
    /// Whose question it is; `None` where the client does not say.
    pub(crate) caller: Option<CallerDigest>,
}

/// Checks a question, and gives the models that answer its caller; `None` while the route cannot be read and the
/// base model of the settings answers.
pub(crate) async fn admit(
    state: &State,
    model: &str,
    question: &ModelQuestion,
    terms: Terms,
) -> Result<Option<Arm>, ServeFailure> {
    let allowance = &state.config.allowance;
    allowance
        .check(question.fields())
        .map_err(ServeFailure::Forbidden)?;
    let route = route(state, model).await?;
    let caller = || terms.caller.unwrap_or_else(CallerDigest::of_a_request);
    Ok(route.map(|route| Arm::of(route, caller)))
}

/// The route of `model`; `None` while it cannot be read and the base model of the settings answers.
pub(crate) async fn route(state: &State, model: &str) -> Result<Option<Arc<Route>>, ServeFailure> {
    let unknown = || ServeFailure::UnknownModel(model.chars().take(80).collect());
    let name: DatasetName = model.parse().map_err(|_error| unknown())?;
    match (
        state.routes.of(&name).await,
        state.config.rules.without_route,
    ) {
        (RouteLookup::Route(route), _) => Ok(Some(route)),
        (RouteLookup::Unknown, _) => Err(unknown()),
        (RouteLookup::Unreadable, WithoutRoute::Base) => Ok(None),
        (RouteLookup::Unreadable, WithoutRoute::Refuse) => {
            warn!(
                outcome = "no_route",
                "the route cannot be read, and PREDICT_BASE_MODEL is not set"
            );
            Err(ServeFailure::Unavailable { retry_after: None })
        }
    }
}

/// Answers from the cache, the tuned model, or the base model, and says which.
pub(crate) async fn answer(
    state: &Arc<State>,
    model: &str,
    question: ModelQuestion,
    terms: Terms,
) -> Result<Served, ServeFailure> {
    let arm = admit(state, model, &question, terms).await?;
    let key = arm
        .as_ref()
        .and_then(|arm| Fingerprint::of(&question, arm.serves(), arm.version()).ok());
    let Some(key) = key else {
        return ask(state, arm.as_ref(), &question, terms.until).await;
    };
    if !terms.fresh
        && let Some(served) = cached(state, &key)
    {
        return Ok(served);
    }
    let call = {
        let state = Arc::clone(state);
        async move {
            let served = ask(&state, arm.as_ref(), &question, terms.until).await?;
            store(&state, key, &served);
            Ok(served)
        }
    };
    if terms.fresh {
        return call.await;
    }
    // The caller who asked first may have more time than this one.
    let flight = state.flights.join(key, call);
    let outcome = tokio::time::timeout_at(terms.until.into(), flight).await;
    outcome.unwrap_or(Err(ServeFailure::Late))
}

async fn ask(
    state: &Arc<State>,
    arm: Option<&Arm>,
    question: &ModelQuestion,
    until: Instant,
) -> Result<Served, ServeFailure> {
    let begun = Instant::now();
    let models = Models {
        state,
        question,
        until,
    };
    let outcome = race::run(state, arm, until, |model| models.reply(model).boxed()).await;
    let seat = arm.and_then(|arm| arm.seat.as_ref());
    if let (Some(seat), Some(answer)) = (seat, counted(state, arm, &outcome, begun)) {
        match &seat.shadow {
            Some(endpoint) => shadow::follow(state, seat, endpoint, question, answer),
            None => count(state, seat, answer),
        }
    }
    let (reply, chosen) = outcome?;
    Ok(Served {
        answer: reply.answer,
        note: chosen.note(arm, Some(reply.confidence)),
        models: begun.elapsed(),
    })
}

/// What an answer counts as for the canary of its route; `None` where there is none, or the request is at fault.
fn counted<R: Scored>(
    state: &State,
    arm: Option<&Arm>,
    outcome: &Result<(R, Chosen), ServeFailure>,
    begun: Instant,
) -> Option<CountedAnswer> {
    let seat = arm?.seat.as_ref()?;
    match outcome {
        Ok((reply, chosen)) => {
            let (score, threshold) = (reply.confidence().score, state.config.rules.threshold);
            let note = chosen.note(arm, None);
            let took = begun.elapsed();
            Some(CountedAnswer::of(&note, score, threshold, took, seat))
        }
        Err(failure) => CountedAnswer::of_failure(failure),
    }
}

/// Counts an answer for the canary of its route.
fn count(state: &State, seat: &Seat, answer: CountedAnswer) {
    let now = state.clock.now();
    state.canaries().note(seat, answer, None, now);
}

/// Opens the answer of the tuned model, or of the base model where the tuned one does not begin, or begins
/// with the end.
pub(crate) async fn open(
    state: &Arc<State>,
    model: &str,
    question: &ModelQuestion,
    terms: Terms,
) -> Result<OpenStream, ServeFailure> {
    let arm = admit(state, model, question, terms).await?;
    let asked_at = Instant::now();
    let models = Models {
        state,
        question,
        until: terms.until,
    };
    let ask = |model| models.begin(model).boxed();
    let outcome = race::run(state, arm.as_ref(), terms.until, ask).await;
    let seat = arm.as_ref().and_then(|arm| arm.seat.as_ref());
    // A stream is not asked twice: in the shadow it is not counted.
    let seat = seat.filter(|seat| seat.shadow.is_none());
    let note = outcome.as_ref().ok();
    let note = note.map(|(_, chosen)| chosen.note(arm.as_ref(), None));
    // What its own model has begun is counted at its end; a failure, or a model that was not served, now.
    let begun_note = note.filter(|note| note.fallback_reason.is_none());
    let counted_later = seat
        .zip(begun_note)
        .map(|(seat, note)| StreamCount::new(state, seat, note, question.asked(), asked_at));
    let answer = counted(state, arm.as_ref(), &outcome, asked_at);
    if let (Some(seat), Some(answer), None) = (seat, answer, &counted_later) {
        count(state, seat, answer);
    }
    let (begun, chosen) = outcome?;
    let note = chosen.note(arm.as_ref(), None);
    Ok(OpenStream {
        first: begun.first,
        rest: begun.rest,
        note,
        count: counted_later,
    })
}

fn cached(state: &State, key: &Fingerprint) -> Option<Served> {
    let mut cache = state.cache.lock().unwrap_or_else(PoisonError::into_inner);
    let served = cache.get(key, state.clock.now())?;
    Some(Served {
        note: Note {
            cached: true,
            ..served.note
        },
        models: Duration::ZERO,
        ..served
    })
}

fn store(state: &State, key: Fingerprint, served: &Served) {
    let note = &served.note;
    let is_whole = (note.confidence.as_ref())
        .is_some_and(|confidence| is_cacheable(note.fallback_reason, confidence));
    // What was served for want of a base model may be worse than what that would say.
    let was_compared = match note.base_not_served {
        Some(BaseNotServed::Failed | BaseNotServed::OverBudget) => false,
        Some(BaseNotServed::NoBetter) | None => true,
    };
    if is_whole && was_compared {
        let mut cache = state.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(key, served.clone(), state.clock.now());
    }
}

#[cfg(test)]
mod tests;
