//! Consumes the tick.

use actix_web::web::Data;
use futures::{StreamExt as _, stream};
use shared::{
    curve::{Curve, CurveState},
    delivery::Delivery,
    error::{Ack, Error},
    event::{RunApproved, RunFinished, RunUnhealthy, Tick},
    google::{
        documents::{Stored, Write},
        vertex::{self, JobName, TuningJob},
    },
    job_ledger::MISSING_TICKS,
    outcome::CallError,
    price::prices,
    run::{Reported, Run, State as RunState},
};
use tracing::{error, info, warn};

use crate::{
    State, attempts, isolated,
    job_lists::JobLists,
    losses, lost_uploads,
    open_runs::{self, OpenRuns},
    poll, progress, reconcile, retirement, service_count,
    settlement::{self, Priced},
    surplus_jobs, sweep, unannounced, undecided, unfollowed, unplanned,
};

/// Runs that are polled concurrently.
const POLLS_AT_ONCE: usize = 8;

/// Sweeps the job ledger, polls every live run, then repairs what a lost event left undone. Overlapping
/// ticks are harmless: every write is compare-and-set.
pub(crate) async fn tick(state: Data<State>, _delivery: Delivery<Tick>) -> Result<Ack, Error> {
    let lists = JobLists::read(&state).await;
    // A ledger that cannot be read must not keep runs from being polled.
    let swept = sweep::sweep(&state, &lists).await;
    let index = state.indexed.get_or_try_init(|| open_runs::index(&state));
    index.await?;
    // Read after the sweep, which may have adopted a job into one of them.
    let runs = OpenRuns::read(&state).await?;
    let live = runs.live.len();
    let ended = stream::iter(&runs.ended).map(async |run| (run, finish(&state, run).await));
    let ended: Vec<_> = ended.buffer_unordered(POLLS_AT_ONCE).collect().await;
    let polled =
        stream::iter(&runs.live).map(async |run| (run, poll_run(&state, run, &lists).await));
    let polled: Vec<_> = polled.buffer_unordered(POLLS_AT_ONCE).collect().await;
    for (run, result) in ended.iter().chain(&polled) {
        isolated::log_failure("poll_failed", Some(run.value.id.as_str()), None, result);
    }
    let now = state.clock.now();
    for run in reconcile::due(&runs.queued, live, state.config.jobs_max, now) {
        state.events.publish(&RunApproved { run }).await?;
    }
    // Money first: what was lost waits for it, and not the other way round.
    let settled = settlement::settle(&state).await;
    let counted = surplus_jobs::count(&state).await;
    reconcile_all(&state).await;
    settled?;
    counted?;
    swept?;
    Ok(Ack::done("polled", format!("polled {live} live runs")))
}

/// Publishes again what lost events left undone. One kind that cannot be looked for does not hide the others.
async fn reconcile_all(state: &State) {
    for (outcome, looked) in [
        ("versions_unread", unplanned::publish(state).await),
        ("waiting_runs_unread", unannounced::publish(state).await),
        ("evaluations_unread", undecided::publish(state).await),
        ("runs_unread", unfollowed::publish(state).await),
        ("uploads_unread", lost_uploads::publish(state).await),
        ("routes_unread", retirement::report(state).await),
    ] {
        isolated::log_failure(outcome, None, None, &looked);
    }
}

async fn poll_run(state: &State, stored: &Stored<Run>, lists: &JobLists) -> Result<(), Error> {
    match &stored.value.job {
        Some(job) => poll_job(state, stored, &job.name, lists).await,
        None => Ok(()),
    }
}

async fn poll_job(
    state: &State,
    stored: &Stored<Run>,
    job: &str,
    lists: &JobLists,
) -> Result<(), Error> {
    let id = &stored.value.id;
    let name = job.parse::<JobName>().ok();
    let listed = name.as_ref().and_then(|name| lists.job(name));
    let (after, curve) = match (state.vertex.job(job).await, listed) {
        (Ok(job), _) => polled(state, &stored.value, &job).await?,
        // A stray 404: the list has it, with all that a get would say.
        (Err(CallError::Missing(_)), Some(job)) => polled(state, &stored.value, job).await?,
        (Err(CallError::Missing(refusal)), None) => {
            let is_absent = name.is_some_and(|name| lists.lacks(&name));
            let after = missing(state, &stored.value, job, is_absent, &refusal.to_string());
            (after, None)
        }
        (
            Err(
                error @ (CallError::No(_)
                | CallError::NotAllowed(_)
                | CallError::NotNow { .. }
                | CallError::Unknown(_)),
            ),
            _,
        ) => return Err(Error::call(vertex::SERVICE)(error)),
    };
    if state.documents.replace(id.as_str(), stored, &after).await? == Write::Lost {
        // Another function wrote the run in the meantime. Nothing is lost: the next tick reads that.
        return Ok(());
    }
    progress::log_findings(&after, curve.as_ref());
    if after.state.is_final() {
        let ended = state.documents.get::<Run>(id.as_str()).await?;
        if let Some(ended) = ended {
            finish(state, &ended).await?;
        }
    } else if after.finding_polls >= state.config.polls && after.stop.is_none() && is_read(&after) {
        let run = id.clone();
        state.events.publish(&RunUnhealthy { run }).await?;
    }
    Ok(())
}

/// The run after a poll of its job, and the losses that go with it.
async fn polled(state: &State, run: &Run, job: &TuningJob) -> Result<(Run, Option<Curve>), Error> {
    let now = state.clock.now();
    let polled = losses::read(state, run, job).await?;
    let mut after = poll::apply(run, job, &polled, state.config.health(), now);
    if polled.state == CurveState::Fresh && polled.curve.last_step().is_some() {
        state.documents.put(run.id.as_str(), &polled.curve).await?;
        progress::log_progress(&after, &polled.curve, now);
    }
    if let Some(reported) = service_count::reported(&after, prices(), now) {
        // State first: a count that could not be held against the caps comes again at the next tick.
        let priced = settlement::price_again(state, &mut after, &reported).await;
        if matches!(priced, Ok(Priced::Checked)) {
            log_reported(&after, &reported);
            after.reported = Some(reported);
        }
        let failure = priced.map(drop);
        isolated::log_failure("price_unchecked", Some(run.id.as_str()), None, &failure);
    }
    Ok((after, Some(polled.curve)))
}

/// Whether the losses were read now: early-stop could not confirm a finding without them.
fn is_read(run: &Run) -> bool {
    let reading = run.curve.as_ref();
    reading.is_some_and(|reading| reading.state == CurveState::Fresh)
}

/// The run after a get that did not find its job, nor a list: it fails once that is confirmed by several
/// ticks, each with a complete list that does not have the job either.
fn missing(state: &State, run: &Run, job: &str, is_absent: bool, answer: &str) -> Run {
    let now = state.clock.now();
    let mut after = run.clone();
    if is_absent {
        after.job_missing_ticks = after.job_missing_ticks.saturating_add(1);
    }
    let ticks = after.job_missing_ticks;
    warn!(
        event.name = "job_missing",
        run.id = %run.id,
        job.name = job,
        ticks,
        "Vertex AI does not find the job of run {}: {answer}",
        run.id
    );
    after.updated_at = now;
    if ticks >= MISSING_TICKS {
        error!(
            event.name = "job_vanished",
            run.id = %run.id,
            job.name = job,
            "the job of run {} does not exist any more: {answer}",
            run.id
        );
        let reason = format!("its job no longer exists: {answer}");
        let _entered = after.enter(RunState::Failed, "watch", &reason, now);
    }
    after
}

/// Follows the end of a run: tries it again where the service itself failed, else publishes the end.
async fn finish(state: &State, stored: &Stored<Run>) -> Result<(), Error> {
    let Some(why) = attempts::tried_again(&stored.value) else {
        return publish_finished(state, stored).await;
    };
    let mut again = stored.value.clone();
    if !again.retry("watch", &why, state.clock.now()) {
        return publish_finished(state, stored).await;
    }
    let id = again.id.clone();
    if state.documents.replace(id.as_str(), stored, &again).await? == Write::Lost {
        return Ok(());
    }
    warn!(
        event.name = "run_tried_again",
        run.id = %id,
        attempt = again.attempt,
        "run {id} is tried again: {why}"
    );
    // If publishing fails, the next tick promotes it like every queued run.
    state.events.publish(&RunApproved { run: id }).await
}

/// Publishes the end, then records that it was published. In this order a crash in between publishes
/// it twice, which consumers tolerate, and never skips it.
async fn publish_finished(state: &State, stored: &Stored<Run>) -> Result<(), Error> {
    let run = &stored.value;
    let finished = RunFinished {
        run: run.id.clone(),
    };
    state.events.publish(&finished).await?;
    let mut published = run.clone();
    published.finish_published = true;
    let _next_tick_if_lost = state
        .documents
        .replace(run.id.as_str(), stored, &published)
        .await?;
    if let (RunState::Failed, Some(model)) = (run.state, run.made_model()) {
        error!(
            event.name = "model_left",
            run.id = %run.id,
            model,
            "run {} failed but left a model, which is paid for: {}",
            run.id,
            run.reason
        );
    }
    info!(event.name = "run_finished", run.id = %run.id, state = run.state.as_str(),
        "run {} {}: {}", run.id, run.state.as_str(), run.reason);
    Ok(())
}

fn log_reported(run: &Run, reported: &Reported) {
    info!(
        event.name = "run_reported",
        run.id = %run.id,
        tokens.estimated = run.estimate.tokens_high,
        tokens.reported = reported.training_tokens,
        tokens.ratio = service_count::ratio(run, reported),
        usd.estimated = run.estimate.usd_high,
        usd.reported = reported.usd,
        dropped_rows = reported.dropped_rows,
        "Vertex AI has counted {} training tokens for run {}, {} were estimated; it dropped {} rows",
        reported.training_tokens,
        run.id,
        run.estimate.tokens_high,
        reported.dropped_rows
    );
}
