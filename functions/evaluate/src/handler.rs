//! Consumes `run-finished`.

use actix_web::web::Data;
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Error},
    evaluation::EvaluationRecord,
    event::{RunEvaluated, RunFinished},
    run::Run,
};
use tracing::{Span, info};

use crate::{
    State,
    ask::{self, Models},
    compare::{Case, VerdictRules, compare},
    sample::{self, RowSample},
};

/// Largest file of held-out rows that is read: 2,000 rows, the most that are asked, of 128 KiB each.
const EVAL_MAX_BYTES: u64 = 256 << 20;
/// Seed of the choice of rows. Fixed, so that all runs on a version are compared on the same rows.
const SAMPLE_SEED: u64 = 1;

/// Compares the tuned model of a finished run with its base, once, and publishes the result.
pub(crate) async fn run_finished(
    state: Data<State>,
    delivery: Delivery<RunFinished>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    Span::current().record("run.id", id.as_str());
    let Some(run) = state.documents.get::<Run>(id.as_str()).await? else {
        return Ok(Ack::refused("unknown_run", format!("no run `{id}`")));
    };
    let run = run.value;
    if !run.state.is_final() {
        return Ok(Ack::done(
            "not_finished",
            format!("run {id} is {}", run.state.as_str()),
        ));
    }
    let Some(tuned) = run
        .chosen
        .as_ref()
        .and_then(|chosen| chosen.endpoint.clone())
    else {
        let note = format!("run {id} has no model to evaluate");
        return Ok(Ack::done("nothing_to_evaluate", note));
    };
    if state
        .documents
        .get::<EvaluationRecord>(id.as_str())
        .await?
        .is_none()
    {
        let models = Models {
            base: state.vertex.base_model(&run.plan.base_model, run.location),
            tuned,
            attempt: delivery.message.attempt.unwrap_or(1),
        };
        let record = evaluate(&state, &run, models).await?;
        let _first_one_stays = state.documents.create(id.as_str(), &record).await?;
    }
    let evaluated = RunEvaluated { run: id.clone() };
    state.events.publish(&evaluated).await?;
    Ok(Ack::done("evaluated", format!("run {id} is evaluated")))
}

async fn evaluate(state: &State, run: &Run, models: Models) -> Result<EvaluationRecord, Error> {
    let sample = held_out(state, run).await?;
    let pairs = ask::all(state, &run.id, &models, &sample).await?;
    // Scoring takes up to seconds: not on the thread that answers health checks.
    let scored = tokio::task::spawn_blocking(move || {
        let cases: Vec<Case<'_>> = sample
            .rows
            .iter()
            .zip(&pairs)
            .map(|(row, pair)| Case {
                reference: &row.reference,
                base: &pair.base,
                tuned: &pair.tuned,
            })
            .collect();
        compare(&cases, &sample.digest(), &VerdictRules::default())
    });
    let evaluation = scored.await.map_err(|source| Error::Internal {
        what: "scoring panicked",
        source: source.into(),
    })?;
    info!(
        event.name = "run_evaluated",
        rows = evaluation.rows,
        failures.base = evaluation.base.failures,
        failures.tuned = evaluation.tuned.failures,
        score.base = evaluation.primary().map(|primary| primary.base_mean),
        score.tuned = evaluation.primary().map(|primary| primary.tuned_mean),
        "run {}: {}",
        run.id,
        evaluation.reason
    );
    Ok(EvaluationRecord {
        run: run.id.clone(),
        base: models.base,
        tuned: models.tuned,
        evaluation,
        at: state.clock.now(),
    })
}

/// The rows to ask: from the evaluation split, which is never trained on; as many as the recipe sets.
async fn held_out(state: &State, run: &Run) -> Result<RowSample, Error> {
    let version = state.documents.get::<Version>(run.version.as_str()).await?;
    let version = version.ok_or_else(|| Error::NotFound(format!("version {}", run.version)))?;
    let rows = usize::try_from(version.value.recipe.evaluate.rows).unwrap_or(sample::ROWS_MAX);
    let text = match version.value.parts.get("eval") {
        Some(part) => {
            state
                .objects
                .read(&part.artifact.uri, EVAL_MAX_BYTES)
                .await?
        }
        None => None,
    };
    let text = text.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    Ok(sample::choose(text.lines(), rows, SAMPLE_SEED))
}
