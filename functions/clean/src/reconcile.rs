//! Reconciles cleanings whose job ended without a result: the job is started again a limited number of
//! times, then given up.

use actix_web::web::Data;
use chrono::TimeDelta;
use shared::{
    dataset::UploadOutcome,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::Tick,
    google::{documents::Stored, run::Execution},
};
use tracing::{error, warn};

use crate::{cleaning::Cleaning, state::State, upload_result::UploadResult};

/// Most cleanings that are reconciled per tick: each is one call, and a job takes minutes.
const OPEN_MAX: u32 = 100;

/// Most executions of the job for one cleaning. Each retries its tasks, so a failure of three is not
/// transient.
const EXECUTIONS_MAX: usize = 3;

/// Longest that starting an execution may take. After that, the process that noted the start must have
/// died before it recorded the name of the execution.
const STARTING_MAX: TimeDelta = TimeDelta::minutes(10);

/// Reconciles every open cleaning.
pub(crate) async fn tick(state: Data<State>, _delivery: Delivery<Tick>) -> Result<Ack, Error> {
    let open = state
        .documents
        .with_field::<Cleaning>("open", true, OPEN_MAX)
        .await?;
    for stored in &open {
        // One that cannot be reconciled must not block the others.
        if let Err(error) = reconcile(&state, &stored.value).await {
            let chain = Chain(&error);
            if error.is_for_a_person() {
                error!(outcome = "reconcile_failed", "{chain}");
            } else {
                warn!(outcome = "reconcile_failed", "{chain}");
            }
        }
    }
    let open = open.len();
    Ok(Ack::done(
        "reconciled",
        format!("reconciled {open} cleanings"),
    ))
}

async fn reconcile(state: &State, seen: &Cleaning) -> Result<(), Error> {
    // Without an execution, the delivery that created the cleaning is starting one, or is redelivered.
    let Some(name) = seen.executions.last() else {
        return Ok(());
    };
    let execution = match name.as_str() {
        "" if state.clock.now() - seen.started_at < STARTING_MAX => return Ok(()),
        "" => None,
        name => state.run.execution(name).await?,
    };
    if execution.as_ref().is_some_and(Execution::is_running) {
        return Ok(());
    }
    // Read again: the last thing that the execution did may have been to write the result.
    let stored = Cleaning::read(state, &seen.spec.id).await?;
    if stored.value != *seen {
        return Ok(());
    }
    let why = match &execution {
        None => "the execution does not exist",
        Some(execution) => execution.failure().unwrap_or("it ended without a version"),
    };
    if seen.result.is_some() {
        return seen.publish_result(state).await;
    }
    if seen.executions.len() < EXECUTIONS_MAX {
        start_again(state, &stored, why).await
    } else {
        give_up(state, &stored, why).await
    }
}

async fn start_again(state: &State, stored: &Stored<Cleaning>, why: &str) -> Result<(), Error> {
    let version = &stored.value.spec.id;
    warn!(
        outcome = "started_again",
        "the job for {version} ended without a result: {why}; starting it again"
    );
    // Noted before the call, by compare-and-set: of two ticks at the same time only one starts it.
    let mut cleaning = stored.value.clone();
    cleaning.executions.push(String::new());
    cleaning.started_at = state.clock.now();
    put(state, stored, &cleaning).await?;
    let execution = cleaning.start(state).await?;
    let stored = Cleaning::read(state, version).await?;
    let mut cleaning = stored.value.clone();
    if let Some(last) = cleaning.executions.last_mut() {
        *last = execution;
    }
    put(state, &stored, &cleaning).await
}

async fn give_up(state: &State, stored: &Stored<Cleaning>, why: &str) -> Result<(), Error> {
    let version = &stored.value.spec.id;
    let note = format!(
        "the job that cleans large uploads failed {EXECUTIONS_MAX} times ({why}): fix the cause, which \
         its logs show, and upload the file again"
    );
    warn!(outcome = "given_up", "{version}: {note}");
    let cleaning = Cleaning {
        given_up: true,
        result: Some(UploadResult::new(UploadOutcome::Rejected, note)),
        ..stored.value.clone()
    };
    put(state, stored, &cleaning).await?;
    cleaning.publish_result(state).await
}

async fn put(state: &State, before: &Stored<Cleaning>, cleaning: &Cleaning) -> Result<(), Error> {
    let version = cleaning.spec.id.as_str();
    let replaced = state.documents.replace(version, before, cleaning).await?;
    replaced.or_busy("another process changed the cleaning")
}
