//! Consumes `dataset-cleaned` and `run-approved`.

use std::time::Instant;

use actix_web::web::Data;
use shared::{
    dataset::Version,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::{DatasetCleaned, RunApproved, RunSubmitted},
    google::{
        documents::Stored,
        vertex::{self, NewJob, TuningJob},
    },
    outcome::CallError,
    price::prices,
    run::{Armed, Run, State as RunState},
};
use tracing::{Span, error, info, warn};

use crate::{
    State,
    plan::plan,
    submit::{self, AfterFailure, NextStep},
};

/// Most open runs that are read; more than a project could ever queue.
const OPEN_RUNS_MAX: u32 = 500;

/// Plans and prices the run of a version, and approves it where it is within its budget.
pub(crate) async fn dataset_cleaned(
    state: Data<State>,
    delivery: Delivery<DatasetCleaned>,
) -> Result<Ack, Error> {
    let id = &delivery.event.version;
    Span::current().record("dataset.version", id.as_str());
    let Some(version) = state.documents.get::<Version>(id.as_str()).await? else {
        return Ok(Ack::refused(
            "unknown_version",
            format!("no version `{id}`"),
        ));
    };
    let planned = plan(&version.value, &state.region, prices(), state.clock.now());
    let run_id = planned.id.clone();
    Span::current().record("run.id", run_id.as_str());
    // The id is derived from version and plan: a redelivery finds the run of the first delivery.
    let _first_one_stays = state.documents.create(run_id.as_str(), &planned).await?;
    let Some(run) = state.documents.get::<Run>(run_id.as_str()).await? else {
        return Err(Error::Busy(
            "the run that was just written was not found".into(),
        ));
    };
    let Run {
        state: current,
        reason,
        ..
    } = run.value;
    // Published after the write, and again on redelivery: a crash in between loses nothing.
    if current == RunState::Queued {
        let approved = RunApproved {
            run: run_id.clone(),
        };
        state.events.publish(&approved).await?;
    }
    Ok(Ack::done(
        "planned",
        format!("run {run_id} is {}: {reason}", current.as_str()),
    ))
}

/// Submits the job of a run, exactly once, when its turn comes.
pub(crate) async fn run_approved(
    state: Data<State>,
    delivery: Delivery<RunApproved>,
) -> Result<Ack, Error> {
    let id = &delivery.event.run;
    Span::current().record("run.id", id.as_str());
    let Some(run) = state.documents.get::<Run>(id.as_str()).await? else {
        return Ok(Ack::refused("unknown_run", format!("no run `{id}`")));
    };
    let open = state
        .documents
        .with_field::<Run>("finish_published", false, OPEN_RUNS_MAX)
        .await?;
    let open: Vec<Run> = open.into_iter().map(|stored| stored.value).collect();
    let config = &state.config;
    let step = submit::next(
        &run.value,
        &open,
        config.jobs_max,
        config.settle,
        state.clock.now(),
    );
    match step {
        NextStep::Nothing => {
            if run.value.state == RunState::Running {
                publish_submitted(&state, &delivery).await?;
            }
            let current = run.value.state.as_str();
            Ok(Ack::done("done_before", format!("run {id} is {current}")))
        }
        NextStep::Settle { until } => Err(Error::Busy(
            format!("an earlier call may still create a job for run {id}, until {until}").into(),
        )),
        NextStep::Wait { reason } => record_wait(&state, &run, reason).await,
        NextStep::Adopt => match adopt(&state, &run).await? {
            Some(job) => {
                record(&state, &run, &job, "adopted the job of an earlier call").await?;
                publish_submitted(&state, &delivery).await?;
                Ok(Ack::done(
                    "adopted",
                    format!("run {id} adopted the job of an earlier call"),
                ))
            }
            None => create(&state, run, &delivery).await,
        },
        NextStep::Create => create(&state, run, &delivery).await,
    }
}

async fn publish_submitted(state: &State, delivery: &Delivery<RunApproved>) -> Result<(), Error> {
    let submitted = RunSubmitted {
        run: delivery.event.run.clone(),
    };
    state.events.publish(&submitted).await
}

/// Records why the run waits. The delivery is acknowledged, so the queue is not polled: `watch`
/// publishes `run-approved` again when the turn of the run may have come.
async fn record_wait(state: &State, run: &Stored<Run>, reason: String) -> Result<Ack, Error> {
    let id = &run.value.id;
    if run.value.reason != reason {
        let mut waiting = run.value.clone();
        waiting.reason.clone_from(&reason);
        waiting.note("tune", reason.clone(), state.clock.now());
        write(state, run, &waiting).await?;
    }
    Ok(Ack::done("waits", format!("run {id} {reason}")))
}

/// Finds the job of an earlier call by its label. The oldest is adopted; surplus ones are cancelled,
/// because each costs money until it ends.
async fn adopt(state: &State, run: &Stored<Run>) -> Result<Option<TuningJob>, Error> {
    let jobs = state
        .vertex
        .jobs_of(&run.value.id)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    let mut jobs = jobs.into_iter();
    let oldest = jobs.next();
    for surplus in jobs.filter(|job| !job.is_final()) {
        warn!(
            event.name = "surplus_job",
            run.id = %run.value.id,
            job.name = surplus.name,
            "cancelling a surplus job of run {}",
            run.value.id
        );
        state
            .vertex
            .cancel_job(&surplus.name)
            .await
            .map_err(Error::call(vertex::SERVICE))?;
    }
    Ok(oldest)
}

/// Writes the intent, then calls create. In this order a later delivery can see that a job may exist
/// although the answer of the call, or this process, was lost.
async fn create(
    state: &State,
    run: Stored<Run>,
    delivery: &Delivery<RunApproved>,
) -> Result<Ack, Error> {
    let id = run.value.id.clone();
    let Some(version) = state
        .documents
        .get::<Version>(run.value.version.as_str())
        .await?
    else {
        return fail(
            state,
            &run,
            "its dataset version does not exist any more".to_owned(),
        )
        .await;
    };
    let Some(train) = version.value.parts.get("train") else {
        return fail(
            state,
            &run,
            "its dataset version has no training rows".to_owned(),
        )
        .await;
    };
    let validation = version
        .value
        .parts
        .get("validation")
        .filter(|part| part.rows > 0);
    let armed_at = Instant::now();
    let armed = arm(state, run).await?;
    let timeout = state.config.create_timeout;
    // The deadline in the intent counts from the write. A process that was frozen since then must not
    // call: its call could arrive after others have concluded that there is no job.
    if armed_at.elapsed() > timeout / 2 {
        return Err(Error::Busy(
            "writing the intent took too long to call create safely".into(),
        ));
    }
    let job = NewJob {
        run: &id,
        attempt: armed.value.attempt,
        plan: &armed.value.plan,
        train: &train.artifact.uri,
        validation: validation.map(|part| &part.artifact.uri),
    };
    match state.vertex.create_job(&job, timeout).await {
        Ok(job) => {
            record(state, &armed, &job, "submitted its job").await?;
            publish_submitted(state, delivery).await?;
            Ok(Ack::done(
                "submitted",
                format!("submitted the job of run {id}"),
            ))
        }
        Err(error) => not_created(state, &armed, error).await,
    }
}

/// Follows a call that made no job, or none that is known of.
async fn not_created(state: &State, armed: &Stored<Run>, error: CallError) -> Result<Ack, Error> {
    let id = &armed.value.id;
    let chain = Chain(&error).to_string();
    match submit::after(&error) {
        AfterFailure::Fail { reason } => fail(state, armed, reason).await,
        AfterFailure::Wait { reason, person } => {
            if let Some(missing) = person {
                error!(
                    event.name = "submission_waits",
                    service = vertex::SERVICE,
                    missing,
                    "run {id} waits until a person provides {missing}: {chain}"
                );
            }
            let disarmed = disarm(state, armed).await?;
            record_wait(state, &disarmed, reason).await
        }
        AfterFailure::Again => {
            disarm(state, armed).await?;
            Err(Error::call(vertex::SERVICE)(error))
        }
        AfterFailure::Settle => Err(Error::call(vertex::SERVICE)(error)),
    }
}

async fn arm(state: &State, run: Stored<Run>) -> Result<Stored<Run>, Error> {
    let now = state.clock.now();
    let owner = format!("{:032x}", rand::random::<u128>());
    let mut armed = run.value.clone();
    armed.armed = Some(Armed {
        owner: owner.clone(),
        at: now,
        deadline: now + state.clock.passing(state.config.create_timeout),
    });
    armed.updated_at = now;
    write(state, &run, &armed).await?;
    let armed = reread(state, &run).await?;
    // The owner tells our intent from that of a delivery that ran at the same time.
    match &armed.value.armed {
        Some(found) if found.owner == owner => Ok(armed),
        Some(_) | None => Err(Error::Busy("another delivery is submitting the run".into())),
    }
}

/// Removes the intent after an answer that proves that no job was created.
async fn disarm(state: &State, armed: &Stored<Run>) -> Result<Stored<Run>, Error> {
    let mut run = armed.value.clone();
    run.armed = None;
    write(state, armed, &run).await?;
    reread(state, armed).await
}

async fn record(state: &State, run: &Stored<Run>, job: &TuningJob, how: &str) -> Result<(), Error> {
    let now = state.clock.now();
    let mut running = run.value.clone();
    running.armed = None;
    running.job = Some(job.record(None, now));
    if running.enter(RunState::Running, "tune", how, now) {
        write(state, run, &running).await?;
        info!(
            event.name = "run_submitted",
            job.name = job.name,
            "{how} for run {}",
            running.id
        );
    }
    Ok(())
}

async fn fail(state: &State, run: &Stored<Run>, reason: String) -> Result<Ack, Error> {
    let mut failed = run.value.clone();
    failed.armed = None;
    if failed.enter(RunState::Failed, "tune", &reason, state.clock.now()) {
        write(state, run, &failed).await?;
    }
    Ok(Ack::refused(
        "failed",
        format!("run {} failed: {reason}", failed.id),
    ))
}

async fn write(state: &State, before: &Stored<Run>, run: &Run) -> Result<(), Error> {
    let write = state
        .documents
        .replace(run.id.as_str(), before, run)
        .await?;
    write.or_busy("the run changed after it was read")
}

async fn reread(state: &State, run: &Stored<Run>) -> Result<Stored<Run>, Error> {
    let id = run.value.id.as_str();
    let found = state.documents.get::<Run>(id).await?;
    found.ok_or(Error::Busy(
        "the run that was just written was not found".into(),
    ))
}
