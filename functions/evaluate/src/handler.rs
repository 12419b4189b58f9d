//! Consumes `run-finished`.

use actix_web::web::Data;
use scores::task::{self, MetricChoice};
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Error},
    evaluation::{AddedRows, Evaluation, EvaluationRecord, Pending, Side},
    event::{RunEvaluated, RunFinished},
    id,
    price::prices,
    recipe::Gate,
    route::Route,
    run::Run,
};
use tracing::{Span, error, info, warn};

use crate::{
    State,
    ask::Respondent,
    claim,
    compare::{PriceCaps, VerdictRules},
    contest::{Contest, Serving},
    keep_report,
    sample::{self, RowSample, generation_config},
};

/// Largest file of held-out rows that is read: 2,000 rows, the most that are asked, of 128 KiB each.
const EVAL_MAX_BYTES: u64 = 256 << 20;
/// Seed of the choice of rows and of their order. Fixed, so that all runs on a version are compared on the
/// same rows.
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
    let before = state.documents.get::<EvaluationRecord>(id.as_str()).await?;
    let is_decided = before.as_ref().is_some_and(|before| before.value.decided);
    if !is_decided {
        let now = state.clock.now();
        if before
            .as_ref()
            .is_some_and(|before| before.value.waits(now))
        {
            let note = format!("run {id} is evaluated when its models can be asked");
            return Ok(Ack::done("waits", note));
        }
        let claim = claim::take(&state, &run, &tuned, before.as_ref()).await?;
        let record = match evaluate(&state, &run, tuned, &claim.value).await {
            Ok(record) => record,
            Err(error) => {
                claim::give_back(&state, &claim).await;
                return Err(error);
            }
        };
        let write = state.documents.replace(id.as_str(), &claim, &record);
        let write = write.await?;
        write.or_busy("another delivery recorded an evaluation of the run")?;
        log(&record);
        if !record.decided {
            let note = format!("run {id}: {}", record.evaluation.reason);
            return Ok(Ack::done("undecided", note));
        }
    }
    let evaluated = RunEvaluated { run: id.clone() };
    state.events.publish(&evaluated).await?;
    Ok(Ack::done("evaluated", format!("run {id} is evaluated")))
}

/// Asks the models, and compares them if all could be asked.
async fn evaluate(
    state: &State,
    run: &Run,
    tuned: String,
    claim: &EvaluationRecord,
) -> Result<EvaluationRecord, Error> {
    let contest = contest(state, run, tuned, &claim.added).await?;
    let contest = contest.ask(state).await?;
    let (contest, mut evaluation) = contest.evaluation().await?;
    price(run, &mut evaluation);
    contest.price.apply(&mut evaluation);
    let now = state.clock.now();
    let decided = evaluation.integrity.is_sound();
    let mut record = EvaluationRecord {
        run: run.id.clone(),
        base: contest.base.model().to_owned(),
        tuned: contest.tuned.model().to_owned(),
        evaluation,
        decided,
        added: claim.added.clone(),
        pending: (!decided).then(|| Pending::after(claim.pending.as_ref(), now)),
        report: None,
        at: now,
    };
    if decided {
        record.report = Some(keep_report::keep(state, &record).await?);
    }
    Ok(record)
}

/// What a thousand requests like those that were answered cost, by either model.
fn price(run: &Run, evaluation: &mut Evaluation) {
    let cost = |side: &mut Side, tuned: bool| {
        let answers = side.answered + side.truncated + side.failures;
        let mean = |tokens: u64| tokens.checked_div(answers).unwrap_or(0);
        let (input, output) = (mean(side.input_tokens), mean(side.output_tokens));
        let one = prices().answer_usd(&run.plan.base_model, tuned, input, output);
        side.usd_per_thousand = one.filter(|_| answers > 0).map(|usd| usd * 1_000.0);
    };
    cost(&mut evaluation.base, false);
    cost(&mut evaluation.tuned, true);
    if let Some(serving) = &mut evaluation.serving {
        cost(&mut serving.side, true);
    }
}

/// Which comparison with the same rows this is: those of other runs that are decided, and those of this one. Rows
/// that were added make another one.
async fn comparison(
    state: &State,
    run: &Run,
    sample: &RowSample,
    added: &[AddedRows],
) -> Result<u64, Error> {
    let same = [("sample", sample.digest().into())];
    let same = state.documents.query_all::<EvaluationRecord>(&same).await?;
    let is_other = |record: &EvaluationRecord| record.decided && record.run != run.id;
    let others = same.iter().filter(|stored| is_other(&stored.value));
    let others: u64 = others
        .map(|stored| 1 + stored.value.added.len() as u64)
        .sum();
    Ok(others + 1 + added.len() as u64)
}

/// The models and the rows of an evaluation, with what was answered before.
async fn contest(
    state: &State,
    run: &Run,
    tuned: String,
    added: &[AddedRows],
) -> Result<Contest, Error> {
    let version = state.documents.get::<Version>(run.version.as_str()).await?;
    let version = version.ok_or_else(|| Error::NotFound(format!("version {}", run.version)))?;
    let sample = held_out(state, &version.value, added).await?;
    let read = async |owner: &str, model: String| {
        let folder = answers_folder(state, owner, &model, &sample);
        Respondent::read(state, model, folder).await
    };
    let route = state.documents.get::<Route>(run.model.as_str()).await?;
    let target = route.and_then(|route| route.value.target);
    let serving = match target {
        // Not the candidate itself, nor another checkpoint of its run.
        Some(target) if target.run != run.id.as_str() => Some(Serving {
            respondent: read("models", target.endpoint).await?,
            run: target.run,
        }),
        Some(_) | None => None,
    };
    let recipe = &version.value.recipe;
    let choice = metric(&version.value, &sample);
    let comparison = comparison(state, run, &sample, added).await?;
    Ok(Contest {
        base: read(
            "models",
            state.vertex.base_model(&run.plan.base_model, run.location),
        )
        .await?,
        tuned: read(run.id.as_str(), tuned).await?,
        serving,
        rules: VerdictRules {
            added: sample.added(),
            accepts_not_worse: recipe.deploy.gate == Gate::NotWorse,
            margin: recipe.evaluate.margin,
            comparison,
            latency_max_ms: recipe.evaluate.latency_max_ms,
            latency_ratio_max: recipe.evaluate.latency_ratio_max,
            ..VerdictRules::default()
        },
        sample,
        choice,
        price: PriceCaps {
            usd_max: recipe.evaluate.usd_per_thousand_max,
            ratio_max: recipe.evaluate.usd_ratio_max,
        },
        asked: 0,
    })
}

/// The metric that the recipe names, or else the one that suits the task. A recipe is checked before it is
/// stored, so that a name without a metric is that of another version of this code.
fn metric(version: &Version, sample: &RowSample) -> MetricChoice {
    let references: Vec<&str> = sample
        .rows
        .iter()
        .map(|row| row.reference.as_str())
        .collect();
    let named = version.recipe.evaluate.metric.as_deref();
    task::choose(named, Some(&version.task), &references).unwrap_or_else(|unknown| {
        warn!(metric.name = unknown.name, "{unknown}");
        task::guess(&references)
    })
}

/// Where the answers of a model to a sample are kept. Those of a base model are shared by all runs that are
/// compared on the same rows under the same settings.
fn answers_folder(state: &State, owner: &str, model: &str, sample: &RowSample) -> String {
    let settings = generation_config(state.config.output_tokens_max).to_string();
    let digest = id::digest(&[&sample.digest(), model, &settings]);
    format!("{owner}/{digest}/")
}

/// One line for each evaluation; an error for one that has been undecided for so long that waiting has not
/// helped.
fn log(record: &EvaluationRecord) {
    let EvaluationRecord {
        run, evaluation, ..
    } = record;
    let reason = &evaluation.reason;
    let Some(pending) = &record.pending else {
        info!(
            event.name = "run_evaluated",
            rows = evaluation.rows,
            rows_planned = evaluation.planned,
            failures.base = evaluation.base.failures,
            failures.tuned = evaluation.tuned.failures,
            score.base = evaluation.primary().map(|primary| primary.base_mean),
            score.tuned = evaluation.primary().map(|primary| primary.tuned_mean),
            "run {run}: {reason}"
        );
        return;
    };
    let tries = pending.tries;
    if pending.is_for_a_person(record.at) {
        error!(
            event.name = "evaluation_undecided",
            run.id = %run,
            tries,
            "run {run} has waited since {} for its models to answer: {reason}",
            pending.since
        );
    } else {
        warn!(
            event.name = "evaluation_waits",
            run.id = %run,
            tries,
            "run {run}: {reason}; asked again at {}",
            pending.next_try_at
        );
    }
}

/// The rows to ask: from the evaluation split, which is never trained on; as many as the recipe sets, and those that
/// a person added.
async fn held_out(
    state: &State,
    version: &Version,
    added: &[AddedRows],
) -> Result<RowSample, Error> {
    let planned = usize::try_from(version.recipe.evaluate.rows).unwrap_or(sample::ROWS_MAX);
    let text = match version.parts.get("eval") {
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
    let added = added
        .iter()
        .fold(0, |sum: u64, more| sum.saturating_add(more.rows));
    let added = usize::try_from(added).unwrap_or(sample::ROWS_MAX);
    let rows = planned.saturating_add(added);
    Ok(sample::choose(text.lines(), rows, SAMPLE_SEED).with_planned(planned))
}
