//! The effects that buy a job: reserve, write the intent, call, record; and what follows where the call
//! made none.

use std::time::Instant;

use shared::{
    dataset::Version,
    error::{Ack, Chain, Error},
    event::RunSubmitted,
    google::{
        documents::Stored,
        vertex::{self, JobName, NewJob, TuningJob},
    },
    id::RunId,
    job_ledger::{JobEntry, JobOwner},
    outcome::CallError,
    run::{Armed, Run, State as RunState},
    spend::{Caps, Reservation, spend_key},
    waits::WaitCode,
};
use tracing::{error, info, warn};

use crate::{
    State,
    config::arming_max,
    run_store::{fail, record_wait, reread, write},
    submit::{self, AfterFailure},
};

/// Finds the job of an earlier call by its labels: those of the run and of its attempt. The oldest is
/// adopted; surplus ones are cancelled, because each costs money until it ends.
pub(crate) async fn adopt(state: &State, run: &Stored<Run>) -> Result<Option<TuningJob>, Error> {
    let Run {
        id, plan, attempt, ..
    } = &run.value;
    let listed = state
        .vertex
        .jobs_in(&plan.region, id)
        .await
        .map_err(Error::call(vertex::SERVICE))?;
    let jobs = listed.jobs.into_iter();
    let mut jobs = jobs.filter(|job| job.attempt() == *attempt);
    let oldest = jobs.next();
    if oldest.is_none() && !listed.complete {
        // Not a proof that there is none, and only a proof allows another create.
        return Err(Error::Busy(
            "the list of jobs could not be read to its end".into(),
        ));
    }
    for surplus in jobs.filter(|job| !job.is_final()) {
        warn!(
            event.name = "surplus_job",
            run.id = %id,
            job.name = surplus.name,
            "cancelling a surplus job of run {id}"
        );
        state
            .vertex
            .cancel_job(&surplus.name)
            .await
            .map_err(Error::call(vertex::SERVICE))?;
    }
    Ok(oldest)
}

/// Reserves the upper price, writes the intent, then calls create. In this order a later delivery can see
/// that a job may exist although the answer of the call, or this process, was lost, and no two runs pass
/// a cap together. `examined` is the run with the price and the policy of now.
pub(crate) async fn create(
    state: &State,
    run: Stored<Run>,
    examined: Run,
    version: &Version,
    caps: Caps,
) -> Result<Ack, Error> {
    let id = examined.id.clone();
    let Some(train) = version.parts.get("train") else {
        let reason = "its dataset version has no training rows".to_owned();
        return fail(state, &run, reason).await;
    };
    let validation = version.parts.get("validation");
    let validation = validation.filter(|part| part.rows > 0);
    let key = spend_key(&id, examined.attempt);
    let (usd, now) = (examined.estimate.upper(), state.clock.now());
    let reservation = match state.spend.reserve(&key, usd, caps, now).await? {
        Ok(reservation) => reservation,
        Err(over) => {
            let run = disarm(state, run).await?;
            let reason = format!("waits: {over}; wait, or raise the cap of the policy");
            return record_wait(state, &run, WaitCode::Cap, None, reason).await;
        }
    };
    let intended_at = Instant::now();
    let armed = arm(state, run, examined, reservation).await?;
    let timeout = state.config.create_timeout;
    // The deadline in the intent counts from the write. A process that was frozen since then must not
    // call: its call could arrive after others have concluded that there is no job.
    if intended_at.elapsed() > arming_max(timeout) {
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
        Ok(created) => {
            enter_in_ledger(state, &armed.value, &created, &job).await;
            record(state, &armed, &created, "submitted its job").await?;
            publish_submitted(state, &id).await?;
            Ok(Ack::done(
                "submitted",
                format!("submitted the job of run {id}"),
            ))
        }
        Err(error) => not_created(state, armed, error).await,
    }
}

/// Follows a call that made no job, or none that is known of. A definite no releases the reservation; an
/// unknown outcome keeps it.
async fn not_created(
    state: &State,
    mut armed: Stored<Run>,
    error: CallError,
) -> Result<Ack, Error> {
    let id = armed.value.id.clone();
    let chain = Chain(&error).to_string();
    let after = submit::after(&error);
    if after != AfterFailure::Settle {
        // It was answered.
        armed.value.unknown_creates = 0;
    }
    match after {
        AfterFailure::Fail { reason } => {
            let disarmed = disarm(state, armed).await?;
            fail(state, &disarmed, reason).await
        }
        AfterFailure::Wait {
            code,
            reason,
            missing,
        } => {
            if let Some(missing) = missing.as_deref().filter(|_| code.is_for_a_person()) {
                error!(
                    event.name = "submission_waits",
                    service = vertex::SERVICE,
                    missing,
                    "run {id} waits until a person provides {missing}: {chain}"
                );
            }
            let disarmed = disarm(state, armed).await?;
            record_wait(state, &disarmed, code, missing, reason).await
        }
        AfterFailure::Again => {
            disarm(state, armed).await?;
            Err(Error::call(vertex::SERVICE)(error))
        }
        AfterFailure::Settle => Err(Error::call(vertex::SERVICE)(error)),
    }
}

async fn arm(
    state: &State,
    run: Stored<Run>,
    examined: Run,
    reservation: Reservation,
) -> Result<Stored<Run>, Error> {
    let now = state.clock.now();
    let owner = format!("{:032x}", rand::random::<u128>());
    let mut armed = examined;
    armed.armed = Some(Armed {
        owner: owner.clone(),
        at: now,
        deadline: now + state.clock.passing(state.config.create_timeout),
    });
    armed.reservation = Some(reservation);
    armed.unknown_creates = armed.unknown_creates.saturating_add(1);
    armed.updated_at = now;
    write(state, &run, &armed).await?;
    let armed = reread(state, &run).await?;
    // The owner tells our intent from that of a delivery that ran at the same time.
    match &armed.value.armed {
        Some(found) if found.owner == owner => Ok(armed),
        Some(_) | None => Err(Error::Busy("another delivery is submitting the run".into())),
    }
}

/// Removes the intent and the reservation after an answer, or a list, that proves that no job was
/// created.
pub(crate) async fn disarm(state: &State, run: Stored<Run>) -> Result<Stored<Run>, Error> {
    if run.value.armed.is_none() && run.value.reservation.is_none() {
        return Ok(run);
    }
    let mut disarmed = run.value.clone();
    disarmed.armed = None;
    disarmed.reservation = None;
    write(state, &run, &disarmed).await?;
    release(state, &run.value).await?;
    reread(state, &run).await
}

/// Releases the reservation of the attempt as `run` had it, if any. After the run has forgotten it: only
/// the delivery that won that write may release, and a crash in between leaves a reservation that `watch`
/// releases. Another delivery that has reserved since then keeps its own.
pub(crate) async fn release(state: &State, run: &Run) -> Result<(), Error> {
    if let Some(reservation) = &run.reservation {
        let key = spend_key(&run.id, run.attempt);
        let _was_reserved = state.spend.release(&key, reservation).await?;
    }
    Ok(())
}

/// Writes the job's entry of the ledger, with the request as it was sent. Before the run is recorded, so that
/// `watch` finds an entry; where this fails it makes one itself, without the request.
async fn enter_in_ledger(state: &State, run: &Run, job: &TuningJob, request: &NewJob<'_>) {
    let Ok(name) = job.name.parse::<JobName>() else {
        warn!(
            outcome = "unreadable_job",
            job.name = job.name,
            "a job has a name of another form"
        );
        return;
    };
    let key = name.key();
    let mut entry = JobEntry::new(name, job, JobOwner::Recorded, state.clock.now());
    entry.request = Some(request.body().to_string());
    entry.tune_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    entry.reserved_micros = Some(run.estimate.upper().0);
    if let Err(error) = state.documents.create(&key, &entry).await {
        warn!(
            outcome = "not_in_ledger",
            job.name = job.name,
            "the request of the job {} is not recorded: {}",
            job.name,
            Chain(&error)
        );
    }
}

/// Records the job of the run.
pub(crate) async fn record(
    state: &State,
    run: &Stored<Run>,
    job: &TuningJob,
    how: &str,
) -> Result<(), Error> {
    let now = state.clock.now();
    let mut running = run.value.clone();
    running.armed = None;
    running.waits = None;
    running.unknown_creates = 0;
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

/// Publishes that the run has its job.
pub(crate) async fn publish_submitted(state: &State, run: &RunId) -> Result<(), Error> {
    let submitted = RunSubmitted { run: run.clone() };
    state.events.publish(&submitted).await
}
