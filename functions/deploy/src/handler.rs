//! Consumes `run-evaluated`.

use actix_web::web::Data;
use serde_json::json;
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    evaluation::{Evaluation, EvaluationRecord},
    event::{ModelDeployed, RunEvaluated},
    google::{
        documents::{Stored, Write},
        vertex,
    },
    outcome::CallError,
    retry::Budget,
    route::{GateDecision, Route, Target, promote},
    run::Run,
};
use tracing::{Span, info, warn};

use crate::{
    State,
    gate::{GateOutcome, decide},
};

/// Deliveries that must find no endpoint before that is believed.
const PROBES_MISSING: u32 = 5;

/// Decides once whether a run's tuned model is promoted, and moves the route if it is.
pub(crate) async fn run_evaluated(
    state: Data<State>,
    delivery: Delivery<RunEvaluated>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    Span::current().record("run.id", id.as_str());
    let documents = &state.documents;
    let decided = documents.get::<GateDecision>(id.as_str()).await?;
    let decision = match decided {
        Some(decided) => decided.value,
        None => {
            let Some(run) = documents.get::<Run>(id.as_str()).await? else {
                return Ok(Ack::refused("unknown_run", format!("no run `{id}`")));
            };
            let Some(evaluated) = documents.get::<EvaluationRecord>(id.as_str()).await? else {
                return Ok(Ack::refused(
                    "not_evaluated",
                    format!("run {id} has no evaluation"),
                ));
            };
            if !evaluated.value.decided {
                return Ok(Ack::done(
                    "undecided",
                    format!("the models of run {id} could not be asked yet"),
                ));
            }
            let attempt = delivery.message.attempt.unwrap_or(1);
            let evaluation = &evaluated.value.evaluation;
            decide_and_move(&state, &run.value, evaluation, attempt).await?
        }
    };
    if decision.promoted {
        let deployed = ModelDeployed {
            model: decision.model.clone(),
            run: id.clone(),
        };
        state.events.publish(&deployed).await?;
    }
    let outcome = if decision.promoted {
        "promoted"
    } else {
        "kept"
    };
    Ok(Ack::done(
        outcome,
        format!("run {id} {outcome}: {}", decision.reason),
    ))
}

/// Decides, moves the route, then records the decision. After a crash in between, the next delivery
/// finds the route moved and only records.
async fn decide_and_move(
    state: &State,
    run: &Run,
    evaluation: &Evaluation,
    attempt: u32,
) -> Result<GateDecision, Error> {
    let version = state.documents.get::<Version>(run.version.as_str()).await?;
    let policy = version
        .map(|stored| stored.value.recipe.deploy.gate)
        .unwrap_or_default();
    let route = route(state, run).await?;
    let serves_already = route.value.leads_to(&run.id);
    let (promoted, reason) = match decide(run.id.as_str(), evaluation, policy, &route.value) {
        _ if serves_already => (true, evaluation.reason.clone()),
        GateOutcome::Keep { reason } => (false, reason),
        GateOutcome::Promote { reason } => match target(run, evaluation) {
            None => (false, "the tuned model has no endpoint".to_owned()),
            Some(target) => match probe(state, &target, attempt).await? {
                Err(refusal) => (
                    false,
                    format!("the endpoint of the tuned model refuses to answer: {refusal}"),
                ),
                Ok(()) => {
                    move_route(state, run, &route, target, &reason).await?;
                    set_default_checkpoint(state, run).await;
                    (true, reason)
                }
            },
        },
    };
    let decision = GateDecision {
        run: run.id.clone(),
        model: run.model.clone(),
        promoted,
        reason,
        at: state.clock.now(),
    };
    match state.documents.create(run.id.as_str(), &decision).await? {
        Write::Done => {
            info!(
                event.name = "gate_decided",
                promoted, "run {}: {}", run.id, decision.reason
            );
            Ok(decision)
        }
        Write::Lost => Err(Error::Busy(
            "another delivery decided about the run at the same time".into(),
        )),
    }
}

/// The route of the run's model; created if absent, leading to the base model.
async fn route(state: &State, run: &Run) -> Result<Stored<Route>, Error> {
    let id = run.model.as_str();
    if let Some(route) = state.documents.get::<Route>(id).await? {
        return Ok(route);
    }
    let base = state.vertex.base_model(&run.plan.base_model, run.location);
    let _first_one_stays = state.documents.create(id, &Route::new(base)).await?;
    let route = state.documents.get::<Route>(id).await?;
    route.ok_or(Error::Busy(
        "the route that was just written was not found".into(),
    ))
}

fn target(run: &Run, evaluation: &Evaluation) -> Option<Target> {
    let model = run.job.as_ref()?.model.clone()?;
    Some(Target {
        run: run.id.to_string(),
        model,
        endpoint: run.chosen.as_ref()?.endpoint.clone()?,
        evidence: evaluation.evidence(),
    })
}

/// Asks the tuned model for one short answer: a route must not lead to an endpoint that does not
/// answer.
///
/// A decision is final, so a 404 counts only once several deliveries have met it: an endpoint
/// answers 404 for a while after it was made
/// (<https://github.com/googleapis/python-genai/issues/1706>).
async fn probe(state: &State, target: &Target, attempt: u32) -> Result<Result<(), String>, Error> {
    let request = json!({
        "contents": [{ "role": "user", "parts": [{ "text": "Are you there?" }] }],
        "generationConfig": { "maxOutputTokens": 16 },
    });
    let timeout = state.config.probe_timeout;
    let answer = state
        .vertex
        .generate(&target.endpoint, &request, Budget::default(), timeout)
        .await;
    match answer {
        Ok(_) => Ok(Ok(())),
        Err(error @ CallError::No(_)) => Ok(Err(error.to_string())),
        Err(error @ CallError::Missing(_)) if attempt >= PROBES_MISSING => {
            Ok(Err(error.to_string()))
        }
        Err(
            error @ (CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_)),
        ) => Err(Error::call(vertex::SERVICE)(error)),
    }
}

/// Makes the chosen checkpoint the default of the tuned model, so that Google's own console and clients see
/// the same model that the route leads to.
///
/// The route names the checkpoint's own endpoint, so this is for those only: whatever the answer, it keeps no
/// better model from its users.
async fn set_default_checkpoint(state: &State, run: &Run) {
    let model = run.job.as_ref().and_then(|job| job.model.as_ref());
    let checkpoint = run.chosen.as_ref().filter(|chosen| chosen.id != "default");
    let (Some(model), Some(checkpoint)) = (model, checkpoint) else {
        return;
    };
    let chosen = state.vertex.choose_checkpoint(model, &checkpoint.id).await;
    if let Err(error) = chosen {
        warn!(
            outcome = "default_not_chosen",
            "run {}: checkpoint {} is not the default of its model: {}",
            run.id,
            checkpoint.id,
            Chain(&error)
        );
    }
}

async fn move_route(
    state: &State,
    run: &Run,
    before: &Stored<Route>,
    target: Target,
    reason: &str,
) -> Result<(), Error> {
    let mut moved = promote(before.value.clone(), target, reason, state.clock.now());
    // What falls back to the base model stays where the rows of the run do.
    moved.base = state.vertex.base_model(&moved.base, run.location);
    let write = state
        .documents
        .replace(run.model.as_str(), before, &moved)
        .await?;
    write.or_busy("the route changed after it was read")
}
