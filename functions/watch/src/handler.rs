//! Consumes the tick.

use actix_web::web::Data;
use futures::{StreamExt as _, stream};
use shared::{
    curve::Curve,
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::{DatasetCleaned, RunApproved, RunFinished, RunUnhealthy, Tick},
    google::{
        documents::{Stored, Write},
        vertex::{self, TuningJob},
    },
    outcome::CallError,
    run::{Run, State as RunState},
};
use tracing::{error, info, warn};

use crate::{
    State,
    poll::{self, PolledCurve},
    reconcile,
};

/// Most open runs that are polled; more than a project could ever queue.
const OPEN_RUNS_MAX: u32 = 500;
/// Consecutive ticks at which neither a get nor a list must find a job before its run fails. A get of
/// a live job has answered 404 (<https://github.com/googleapis/python-aiplatform/issues/6581>), and a
/// list may lag behind by a minute.
const MISSING_TICKS: u32 = 5;
/// Runs that are polled concurrently.
const POLLS_AT_ONCE: usize = 8;
/// How many of the newest versions and runs are compared to find a version without a run.
const NEWEST: u32 = 100;

/// Polls every live run, then repairs what a lost event left undone. Overlapping ticks are harmless:
/// every write is compare-and-set.
pub(crate) async fn tick(state: Data<State>, _delivery: Delivery<Tick>) -> Result<Ack, Error> {
    let open = state
        .documents
        .with_field::<Run>("finish_published", false, OPEN_RUNS_MAX)
        .await?;
    let polled = stream::iter(&open)
        .map(async |run| (run.value.id.clone(), poll_run(&state, run).await))
        .buffer_unordered(POLLS_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    // One run that cannot be read must not stop the others from being polled.
    for (run, error) in polled
        .iter()
        .filter_map(|(run, poll)| Some((run, poll.as_ref().err()?)))
    {
        let chain = Chain(error);
        if error.is_for_a_person() {
            error!(outcome = "poll_failed", run.id = %run, "{chain}");
        } else {
            warn!(outcome = "poll_failed", run.id = %run, "{chain}");
        }
    }
    let open: Vec<Run> = open.into_iter().map(|stored| stored.value).collect();
    for run in reconcile::due(&open, state.config.jobs_max) {
        state.events.publish(&RunApproved { run }).await?;
    }
    publish_unplanned(&state).await?;
    let polls = polled.len();
    Ok(Ack::done("polled", format!("polled {polls} open runs")))
}

async fn publish_unplanned(state: &State) -> Result<(), Error> {
    let versions = state
        .documents
        .newest::<Version>("created_at", NEWEST)
        .await?;
    let runs = state.documents.newest::<Run>("created_at", NEWEST).await?;
    let versions: Vec<Version> = versions.into_iter().map(|stored| stored.value).collect();
    let runs: Vec<Run> = runs.into_iter().map(|stored| stored.value).collect();
    let now = state.clock.now();
    for version in reconcile::unplanned(&versions, &runs, state.config.lost, now) {
        warn!(dataset.version = %version, "version {version} has no run: publishing `dataset-cleaned` again");
        state.events.publish(&DatasetCleaned { version }).await?;
    }
    Ok(())
}

async fn poll_run(state: &State, stored: &Stored<Run>) -> Result<(), Error> {
    let run = &stored.value;
    match (run.state, &run.job) {
        (RunState::Running | RunState::Stopping, Some(job)) => {
            poll_job(state, stored, &job.name).await?;
            cancel_surplus(state, run, &job.name).await
        }
        (ended, _) if ended.is_final() => publish_finished(state, stored).await,
        _ => Ok(()),
    }
}

async fn poll_job(state: &State, stored: &Stored<Run>, job: &str) -> Result<(), Error> {
    let id = &stored.value.id;
    let now = state.clock.now();
    let after = match state.vertex.job(job).await {
        Ok(job) => {
            let (curve, is_current) = curve(state, &stored.value, &job).await?;
            let polled = if is_current {
                PolledCurve::Current(&curve)
            } else {
                PolledCurve::Stale(&curve)
            };
            let after = poll::apply(&stored.value, &job, polled, state.config.stall, now);
            if is_current && curve.last_step().is_some() {
                state.documents.put(id.as_str(), &curve).await?;
                log_progress(&after, &curve);
            }
            after
        }
        Err(CallError::Missing(refusal)) => {
            missing(state, &stored.value, job, &refusal.to_string()).await?
        }
        Err(
            error @ (CallError::No(_)
            | CallError::NotAllowed(_)
            | CallError::NotNow { .. }
            | CallError::Unknown(_)),
        ) => return Err(Error::call(vertex::SERVICE)(error)),
    };
    if state.documents.replace(id.as_str(), stored, &after).await? == Write::Lost {
        // Another function wrote the run in the meantime. Nothing is lost: the next tick reads that.
        return Ok(());
    }
    log_finding(&after);
    if after.state.is_final() {
        let ended = state.documents.get::<Run>(id.as_str()).await?;
        if let Some(ended) = ended {
            publish_finished(state, &ended).await?;
        }
    } else if after.finding_polls >= state.config.polls && after.stop.is_none() {
        let run = id.clone();
        state.events.publish(&RunUnhealthy { run }).await?;
    }
    Ok(())
}

/// The curve of a job, and whether it is current.
///
/// The state of a job never waits for its curve: where that cannot be read, the curve that was read
/// last takes its place.
async fn curve(state: &State, run: &Run, job: &TuningJob) -> Result<(Curve, bool), Error> {
    let error = match state.vertex.curve(&run.id, job).await {
        Ok(curve) => return Ok((curve, true)),
        Err(error) => error,
    };
    let chain = Chain(&error);
    match &error {
        CallError::NotAllowed(refusal) => error!(
            outcome = "not_allowed",
            service = vertex::SERVICE,
            lacks = refusal.lacks,
            run.id = %run.id,
            "the curve of run {} may not be read: {chain}",
            run.id
        ),
        CallError::No(_)
        | CallError::NotNow { .. }
        | CallError::Missing(_)
        | CallError::Unknown(_) => warn!(
            outcome = "curve_unreadable",
            run.id = %run.id,
            "the curve of run {} cannot be read: {chain}",
            run.id
        ),
    }
    let before = state.documents.get::<Curve>(run.id.as_str()).await?;
    let before = before.map_or_else(|| Curve::new(run.id.clone()), |stored| stored.value);
    Ok((before, false))
}

/// The run after a get that did not find its job: it fails once that is confirmed by several
/// ticks, and by a list at each.
async fn missing(state: &State, run: &Run, job: &str, answer: &str) -> Result<Run, Error> {
    let now = state.clock.now();
    let listed = state.vertex.jobs_of(&run.id).await;
    let listed = listed.map_err(Error::call(vertex::SERVICE))?;
    let mut after = run.clone();
    if listed.iter().any(|listed| listed.name == job) {
        after.job_missing_ticks = 0;
    } else {
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
        let reason = format!("its job no longer exists: {answer}");
        let _entered = after.enter(RunState::Failed, "watch", &reason, now);
    }
    Ok(after)
}

/// Cancels every other job with the label of the run. A process that was frozen just before its
/// create call may have created one after another process gave it up and created `recorded`.
async fn cancel_surplus(state: &State, run: &Run, recorded: &str) -> Result<(), Error> {
    let jobs = state.vertex.jobs_of(&run.id).await;
    let jobs = jobs.map_err(Error::call(vertex::SERVICE))?;
    let surplus = jobs
        .iter()
        .filter(|job| job.name != recorded && !job.is_final());
    for job in surplus {
        warn!(
            event.name = "surplus_job",
            run.id = %run.id,
            job.name = job.name,
            "cancelling a surplus job of run {}",
            run.id
        );
        let cancelled = state.vertex.cancel_job(&job.name).await;
        cancelled.map_err(Error::call(vertex::SERVICE))?;
    }
    Ok(())
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
    info!(event.name = "run_finished", run.id = %run.id, state = run.state.as_str(),
        "run {} {}: {}", run.id, run.state.as_str(), run.reason);
    Ok(())
}

fn log_progress(run: &Run, curve: &Curve) {
    let last = |points: &[shared::curve::Point]| points.last().and_then(|point| point.loss);
    // JSON has no NaN, so a loss that is not a number is absent from the line; `run_finding` reports it.
    info!(
        event.name = "run_progress",
        run.id = %run.id,
        step = curve.last_step(),
        loss.train = last(&curve.train).unwrap_or(f64::NAN),
        loss.eval = last(&curve.eval).unwrap_or(f64::NAN),
        "run {} is at step {}",
        run.id,
        curve.last_step().unwrap_or_default()
    );
}

fn log_finding(run: &Run) {
    if let (Some(finding), None, true) = (run.finding, &run.stop, run.state.is_live()) {
        warn!(
            event.name = "run_finding",
            run.id = %run.id,
            finding = finding.as_str(),
            "run {} shows `{}`: {}",
            run.id,
            finding.as_str(),
            finding.advice()
        );
    }
}
