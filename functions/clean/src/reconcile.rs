//! Looks after cleanings whose job ended without them: it is started again, and in the end given up.

use actix_web::web::Data;
use chrono::TimeDelta;
use shared::{
    dataset::UploadOutcome,
    delivery::Delivery,
    error::{Ack, Chain, Error},
    event::Tick,
    google::{documents::Stored, run::Execution},
};
use tracing::warn;

use crate::{cleaning::Cleaning, state::State, upload_result::UploadResult};

/// Cleanings looked at in a minute: each is one call, and a job takes minutes.
const OPEN_MAX: u32 = 100;

/// Executions of the job for one cleaning. Within each every task is retried: what fails three times
/// over is no passing fault.
const EXECUTIONS_MAX: usize = 3;

/// Longest that starting an execution may take; after that whoever was at it is gone.
const STARTING_MAX: TimeDelta = TimeDelta::minutes(10);

/// Looks at every cleaning that goes on.
pub(crate) async fn tick(state: Data<State>, _delivery: Delivery<Tick>) -> Result<Ack, Error> {
    let open = state
        .documents
        .with_field::<Cleaning>("open", true, OPEN_MAX)
        .await?;
    for stored in &open {
        // One that cannot be looked at must not keep the others from it.
        if let Err(error) = reconcile(&state, &stored.value).await {
            warn!(outcome = "reconcile_failed", "{}", Chain(&error));
        }
    }
    let open = open.len();
    Ok(Ack::done(
        "reconciled",
        format!("reconciled {open} cleanings"),
    ))
}

async fn reconcile(state: &State, seen: &Cleaning) -> Result<(), Error> {
    // Without one, whoever ordered the cleaning is about to start it, or is told to again.
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
    // Read anew: its last act may have been to end the cleaning.
    let stored = Cleaning::read(state, &seen.spec.id).await?;
    if stored.value != *seen {
        return Ok(());
    }
    let why = match &execution {
        None => "nothing is known of it",
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
        "the job for {version} ended: {why}"
    );
    // Noted first, so that of two who reconcile at the same time one starts it.
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
        "the job that cleans large uploads failed {EXECUTIONS_MAX} times ({why}): see its logs, \
         and upload the file again once they are clear"
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
    replaced.or_busy("a cleaning that others reconcile at, too")
}
