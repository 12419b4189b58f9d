//! Consumes `run-evaluated`.

use actix_web::web::Data;
use serde_json::json;
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    evaluation::{Evaluation, EvaluationRecord, Pending},
    event::{ModelDeployed, RunEvaluated},
    google::{documents::Stored, vertex},
    id,
    outcome::CallError,
    recipe::{CanaryRecipe, Gate},
    retry::Budget,
    route::{
        GateDecision, Route, Target,
        canary::{CanaryOrder, CanaryPlan, start},
        promote,
    },
    run::Run,
};
use tracing::{Span, info, warn};

use crate::{
    State,
    gate::{Age, GateOutcome, decide},
};

/// No answer is slow that takes less, in milliseconds.
const SLOW_MS_MIN: u64 = 1_000;

/// Decides once whether a run's tuned model is promoted, then carries the decision out.
pub(crate) async fn run_evaluated(
    state: Data<State>,
    delivery: Delivery<RunEvaluated>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    Span::current().record("run.id", id.as_str());
    let before = state.documents.get::<GateDecision>(id.as_str()).await?;
    let Some(run) = state.documents.get::<Run>(id.as_str()).await? else {
        return Ok(Ack::refused("unknown_run", format!("no run `{id}`")));
    };
    let run = run.value;
    let evaluated = state.documents.get::<EvaluationRecord>(id.as_str()).await?;
    let decision = match &before {
        Some(before) if stands(&before.value, evaluated.as_ref())? => before.value.clone(),
        Some(_) | None => match decide_first(&state, &run, before.as_ref(), evaluated).await? {
            Step::Decided(decision) => *decision,
            Step::NotNow(ack) => return Ok(ack),
        },
    };
    carry_out(&state, &run, &decision).await
}

/// Whether nothing is decided again: no person asked for it, and what the decision saw is what there is. A model that
/// was kept from the route is looked at again when more rows have been asked; one that was promoted is not.
fn stands(
    decision: &GateDecision,
    evaluated: Option<&Stored<EvaluationRecord>>,
) -> Result<bool, Error> {
    if decision.reopened_by.is_some() {
        return Ok(false);
    }
    let evaluated = evaluated.filter(|it| it.value.decided && !decision.promoted);
    let (Some(seen), Some(evaluated)) = (&decision.evidence, evaluated) else {
        return Ok(true);
    };
    Ok(*seen == evidence_digest(&evaluated.value.evaluation)?)
}

/// Where a delivery leads to.
enum Step {
    /// A decision that is recorded.
    Decided(Box<GateDecision>),
    /// Nothing to decide now.
    NotNow(Ack),
}

/// Decides, and records the decision before anything follows from it. A decision is bound to the version of the
/// route that it saw.
async fn decide_first(
    state: &State,
    run: &Run,
    before: Option<&Stored<GateDecision>>,
    evaluated: Option<Stored<EvaluationRecord>>,
) -> Result<Step, Error> {
    let id = run.id.as_str();
    let Some(evaluated) = evaluated else {
        let note = format!("run {id} has no evaluation");
        return Ok(Step::NotNow(Ack::refused("not_evaluated", note)));
    };
    if !evaluated.value.decided {
        let note = format!("the models of run {id} could not be asked yet");
        return Ok(Step::NotNow(Ack::done("undecided", note)));
    }
    let evaluation = &evaluated.value.evaluation;
    let version = state.documents.get::<Version>(run.version.as_str()).await?;
    let (policy, steps) = version.map_or_else(
        || (Gate::default(), CanaryRecipe::default()),
        |stored| {
            let deploy = stored.value.recipe.deploy;
            (deploy.gate, deploy.canary)
        },
    );
    let route = route(state, run).await?.value;
    let age = if before.is_some_and(|before| before.value.reopened_by.is_some()) {
        // A person asked for it.
        Age::Newer
    } else {
        age(state, run, &route).await?
    };
    let (target, reason) = match decide(id, evaluation, policy, &route, age) {
        GateOutcome::Compare => return compare_again(state, run, &evaluated).await,
        GateOutcome::Keep { reason } => (None, reason),
        GateOutcome::Promote { reason } => match target(state, run, evaluation) {
            None => (None, "the tuned model has no endpoint".to_owned()),
            Some(target) => match probe(state, &target).await? {
                Ok(()) => (Some(target), reason),
                Err(refusal) => {
                    let reason = "the endpoint of the tuned model refuses to answer";
                    (None, format!("{reason}: {refusal}"))
                }
            },
        },
    };
    let decision = GateDecision {
        run: run.id.clone(),
        model: run.model.clone(),
        promoted: target.is_some(),
        reason,
        route_version: Some(route.version),
        canary: target
            .as_ref()
            .and_then(|_target| trial(&route, &steps, evaluation)),
        target,
        reopened_by: None,
        evidence: Some(evidence_digest(evaluation)?),
        at: state.clock.now(),
    };
    let write = match before {
        None => state.documents.create(id, &decision).await?,
        Some(before) => state.documents.replace(id, before, &decision).await?,
    };
    write.or_busy("another delivery decided about the run at the same time")?;
    info!(
        event.name = "gate_decided",
        promoted = decision.promoted,
        "run {id}: {}",
        decision.reason
    );
    Ok(Step::Decided(Box::new(decision)))
}

/// Moves the route as the decision says, once, and only from the version that the decision saw.
async fn carry_out(state: &State, run: &Run, decision: &GateDecision) -> Result<Ack, Error> {
    let (id, reason) = (&run.id, &decision.reason);
    if !decision.promoted {
        return Ok(Ack::done("kept", format!("run {id} kept: {reason}")));
    }
    // Before decisions were recorded first, the route had moved when there was one.
    if let (Some(seen), Some(target)) = (decision.route_version, &decision.target) {
        let before = route(state, run).await?;
        if before.value.was_tried(id.as_str(), seen) {
            return Ok(tried(run, reason));
        }
        if !before.value.was_moved(id, seen) {
            if before.value.version != seen || before.value.hold.is_some() {
                warn!(
                    event.name = "decision_superseded",
                    "run {id} is not promoted: the route changed after the decision"
                );
                let note = format!("the route of `{}` changed meanwhile", run.model);
                return Ok(Ack::done("superseded", note));
            }
            if let Some(plan) = &decision.canary {
                try_out(state, run, &before, (target, plan), reason).await?;
                return Ok(tried(run, reason));
            }
            move_route(state, run, &before, target.clone(), reason).await?;
            set_default_checkpoint(state, run).await;
        }
    }
    let deployed = ModelDeployed {
        model: decision.model.clone(),
        run: id.clone(),
    };
    state.events.publish(&deployed).await?;
    Ok(Ack::done(
        "promoted",
        format!("run {id} promoted: {reason}"),
    ))
}

/// The steps by which a model gets to all callers; none where it gets there at once. A name that no model was ever
/// promoted to has no callers yet whom a trial could protect, and none to judge by.
fn trial(route: &Route, steps: &CanaryRecipe, evaluation: &Evaluation) -> Option<CanaryPlan> {
    let plan = steps.plan(slow_ms(evaluation));
    (route.version > 0 && plan.has_steps()).then_some(plan)
}

/// Above twice what is usual for the model that serves, an answer is slow.
fn slow_ms(evaluation: &Evaluation) -> Option<u64> {
    let serving = evaluation.serving.as_ref().map(|serving| &serving.side);
    let usual = serving.unwrap_or(&evaluation.base).latency_p95_ms?;
    Some(usual.saturating_mul(2).max(SLOW_MS_MIN))
}

fn tried(run: &Run, reason: &str) -> Ack {
    Ack::done("canary", format!("run {} is tried out: {reason}", run.id))
}

/// Another model serves than when the run was evaluated: `watch` has the models asked again.
async fn compare_again(
    state: &State,
    run: &Run,
    evaluated: &Stored<EvaluationRecord>,
) -> Result<Step, Error> {
    let id = run.id.as_str();
    let now = state.clock.now();
    let open = EvaluationRecord {
        decided: false,
        pending: Some(Pending::due(now)),
        ..evaluated.value.clone()
    };
    let write = state.documents.replace(id, evaluated, &open).await?;
    write.or_busy("the evaluation changed after it was read")?;
    let note = format!("run {id} is compared with the model that serves now");
    Ok(Step::NotNow(Ack::done("compared_again", note)))
}

/// Whether the run is newer than those whose models serve.
async fn age(state: &State, run: &Run, route: &Route) -> Result<Age, Error> {
    let canary = route.canary.as_ref().map(|canary| &canary.target);
    for target in route.target.iter().chain(canary) {
        let other = state.documents.get::<Run>(&target.run).await?;
        if other.is_some_and(|other| other.value.created_at > run.created_at) {
            return Ok(Age::Older);
        }
    }
    Ok(Age::Newer)
}

fn evidence_digest(evaluation: &Evaluation) -> Result<String, Error> {
    let text = serde_json::to_string(evaluation).map_err(|source| Error::Internal {
        what: "an evaluation that does not serialise",
        source: source.into(),
    })?;
    Ok(id::digest(&[&text]))
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

fn target(state: &State, run: &Run, evaluation: &Evaluation) -> Option<Target> {
    let model = run.job.as_ref()?.model.clone()?;
    let base = state.vertex.base_model(&run.plan.base_model, run.location);
    Some(Target {
        run: run.id.to_string(),
        model,
        endpoint: run.chosen.as_ref()?.endpoint.clone()?,
        // What falls back to the base model stays where the rows of the run do.
        base: Some(base),
        evidence: evaluation.evidence(),
    })
}

/// Asks the tuned model for one short answer: a route must not lead to an endpoint that does not
/// answer.
///
/// Only a refusal of the request is an answer. All else comes again with the next delivery, and in the end as a
/// dead letter, after which a person has it decided by `lapidary deploy`: an endpoint answers 404 for a while
/// after it was made (<https://github.com/googleapis/python-genai/issues/1706>).
async fn probe(state: &State, target: &Target) -> Result<Result<(), String>, Error> {
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

/// Lets the model answer some of the callers, from the version of the route that the decision saw.
async fn try_out(
    state: &State,
    run: &Run,
    before: &Stored<Route>,
    (target, plan): (&Target, &CanaryPlan),
    reason: &str,
) -> Result<(), Error> {
    let order = CanaryOrder {
        by: None,
        reason,
        at: state.clock.now(),
    };
    let (target, plan) = (target.clone(), plan.clone());
    let route = start(before.value.clone(), &run.model, target, plan, order);
    let model = run.model.as_str();
    let write = state.documents.replace(model, before, &route).await?;
    write.or_busy("the route changed after it was read")
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
