//! Writes of a run's document: each compares with what was read.

use shared::{
    error::{Ack, Error},
    google::documents::Stored,
    run::{Run, State as RunState},
    waits::{WaitCode, Waits},
};

use crate::State;

/// Writes `run` over `before`.
pub(crate) async fn write(state: &State, before: &Stored<Run>, run: &Run) -> Result<(), Error> {
    let write = state
        .documents
        .replace(run.id.as_str(), before, run)
        .await?;
    write.or_busy("the run changed after it was read")
}

/// Reads `run` again.
pub(crate) async fn reread(state: &State, run: &Stored<Run>) -> Result<Stored<Run>, Error> {
    let id = run.value.id.as_str();
    let found = state.documents.get::<Run>(id).await?;
    found.ok_or(Error::Busy(
        "the run that was just written was not found".into(),
    ))
}

/// Records that the turn of the run has not come. The delivery is acknowledged, so the queue is not
/// polled: `watch` publishes `run-approved` again when the turn of the run may have come.
///
/// Its position is not recorded: it changes with every other run, and is computed where it is shown.
pub(crate) async fn record_turn(state: &State, run: &Stored<Run>) -> Result<Ack, Error> {
    let reason = match state.config.jobs_max {
        1 => "waits for its turn: one job at a time".to_owned(),
        most => format!("waits for its turn: {most} jobs at a time"),
    };
    let mut waiting = run.value.clone();
    waiting.waits = None;
    note(state, run, waiting, reason).await
}

/// Records what the run waits for although its turn has come, and when it is tried again.
pub(crate) async fn record_wait(
    state: &State,
    run: &Stored<Run>,
    code: WaitCode,
    missing: Option<String>,
    reason: String,
) -> Result<Ack, Error> {
    let mut waiting = run.value.clone();
    let before = run.value.waits.as_ref();
    let waits = Waits::after(before, code, missing, state.clock.now());
    waiting.waits = Some(waits);
    note(state, run, waiting, reason).await
}

async fn note(
    state: &State,
    before: &Stored<Run>,
    mut run: Run,
    reason: String,
) -> Result<Ack, Error> {
    // The same reason again is not news, but the next try is later.
    if run.reason != reason {
        run.reason.clone_from(&reason);
        run.note("tune", reason.clone(), state.clock.now());
    }
    if run != before.value {
        write(state, before, &run).await?;
    }
    Ok(Ack::done("waits", format!("run {} {reason}", run.id)))
}

/// Records that the run can never be submitted as it is.
pub(crate) async fn fail(state: &State, run: &Stored<Run>, reason: String) -> Result<Ack, Error> {
    let mut failed = run.value.clone();
    failed.armed = None;
    failed.waits = None;
    if failed.enter(RunState::Failed, "tune", &reason, state.clock.now()) {
        write(state, run, &failed).await?;
    }
    Ok(Ack::refused(
        "failed",
        format!("run {} failed: {reason}", failed.id),
    ))
}
