//! Decisions whose effect never followed, since the event between them was lost: a run that ended with a
//! model and is not evaluated, a verdict without a decision of the gate, a promotion that moved no route, an end or a
//! verdict that people were not notified of.
//!
//! A tick looks at one page of the runs that have ended and goes on where the one before stopped; a run of
//! which nothing is missing is looked at once by a process.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{
    error::Error,
    evaluation::EvaluationRecord,
    event::{RunEvaluated, RunFinished},
    id::RunId,
    route::{GateDecision, Route},
    run::Run,
};
use tracing::warn;

use crate::{
    State,
    notify::{
        announcement,
        notice::{self, Notice},
    },
    reconcile::{self, Aftermath, LostWork, MissingStep},
    scan::Watermark,
    undone,
};

/// The name of the watermark of runs that have ended.
const ENDED: &str = "ended_runs";
/// Most events that one tick publishes again; the next round publishes more.
const PUBLISHED_MAX: usize = 20;
/// Runs that are looked at at a time.
const LOOKS_AT_ONCE: usize = 8;
/// Most decisions that people asked for again and that are looked at in a tick.
const REOPENED_MAX: u32 = 50;

/// Publishes again, for each run of the next page, the event whose effect is missing.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let stored = Watermark::read(state, ENDED).await?;
    let since = Watermark::since(stored.as_ref(), now);
    let page = state
        .documents
        .page_since::<Run>("finished_at", since, state.ended_runs.position());
    let (page, next) = page.await?;
    let runs: Vec<Run> = page.into_iter().map(|stored| stored.value).collect();
    let open = runs.iter();
    let open = open.filter(|run| state.ended_runs.is_open(run.id.as_str()));
    let looks =
        stream::iter(open).map(async |run| Ok::<_, Error>((run, missing(state, run).await?)));
    let looks: Vec<(&Run, Aftermath)> = looks.buffered(LOOKS_AT_ONCE).try_collect().await?;
    let mut published = 0;
    let mut oldest = None;
    for (run, aftermath) in looks {
        let missing = match aftermath {
            Aftermath::Complete => {
                state.ended_runs.close(run.id.as_str());
                continue;
            }
            Aftermath::UnderWay => None,
            Aftermath::Missing(missing) => Some(missing),
        };
        oldest = oldest.into_iter().chain(run.finished_at).min();
        if let Some(missing) = missing {
            published += usize::from(follow(state, &run.id, &missing, published).await?);
        }
    }
    let reached = runs.last().filter(|_| next.is_some());
    let reached = reached.and_then(|run| run.finished_at);
    let oldest = state.ended_runs.turn(next, oldest);
    let mark = reconcile::watermark(oldest, reached, now);
    Watermark::advance(state, ENDED, stored, mark).await?;
    reopened(state).await
}

/// Publishes the event whose effect is missing, if it is time; whether it was.
async fn follow(
    state: &State,
    run: &RunId,
    missing: &MissingStep,
    published: usize,
) -> Result<bool, Error> {
    let now = state.clock.now();
    let pause = state.config.unfollowed();
    let step = missing.step.as_str();
    let work = LostWork {
        work: step,
        subject: run.as_str(),
        since: missing.since,
    };
    let is_due = now - missing.since > pause
        && published < PUBLISHED_MAX
        && state.ended_runs.is_due(run.as_str(), pause, now);
    if is_due {
        let topic = missing.step.topic();
        warn!(
            event.name = "effect_missing",
            run.id = %run,
            missing = step,
            "run {run} has no {step}: publishing `{topic}` again"
        );
        let run = run.clone();
        if missing.step.follows_the_end() {
            state.events.publish(&RunFinished { run }).await?;
        } else {
            state.events.publish(&RunEvaluated { run }).await?;
        }
    }
    undone::report(state, &work, now);
    Ok(is_due)
}

/// What has not followed from the end of `run`.
async fn missing(state: &State, run: &Run) -> Result<Aftermath, Error> {
    let id = run.id.as_str();
    if !reconcile::is_worth_an_evaluation(run) {
        let notice = notice::of_ended(run, None);
        let is_announced = is_announced(state, notice).await?;
        return Ok(reconcile::aftermath(run, None, None, None, is_announced));
    }
    let evaluation = state.documents.get::<EvaluationRecord>(id).await?;
    let evaluation = evaluation.map(|stored| stored.value);
    let decision = match &evaluation {
        Some(evaluation) if evaluation.decided => state.documents.get::<GateDecision>(id).await?,
        Some(_) | None => None,
    };
    let decision = decision.map(|stored| stored.value);
    let route = match &decision {
        Some(decision) if decision.promoted => {
            state.documents.get::<Route>(run.model.as_str()).await?
        }
        Some(_) | None => None,
    };
    let route = route.map(|stored| stored.value);
    let notice = evaluation.as_ref().filter(|it| it.decided);
    let notice = notice.map(|evaluation| notice::of_verdict(run, evaluation, None));
    let is_announced = is_announced(state, notice).await?;
    Ok(reconcile::aftermath(
        run,
        evaluation.as_ref(),
        decision.as_ref(),
        route.as_ref(),
        is_announced,
    ))
}

/// Whether `watch` knows of `notice`, or need not.
async fn is_announced(state: &State, notice: Option<Notice>) -> Result<bool, Error> {
    let now = state.clock.now();
    match notice.filter(|notice| reconcile::is_news(notice.at, now)) {
        Some(notice) => announcement::has_arrived(&state.documents, &notice).await,
        None => Ok(true),
    }
}

/// Publishes `run-evaluated` again for decisions that a person asked for again and that did not follow: their
/// runs may be known to be complete.
async fn reopened(state: &State) -> Result<(), Error> {
    let reopened = state
        .documents
        .with_field::<GateDecision>("is_reopened", "yes", REOPENED_MAX)
        .await?;
    for decision in reopened {
        let missing = MissingStep {
            step: reconcile::ChainStep::Decision,
            since: decision.value.at,
        };
        let _was_due = follow(state, &decision.value.run, &missing, 0).await?;
    }
    Ok(())
}
