//! The runs that a tick is about: of those with a job every one, of those that wait as many as may start.
//!
//! A run that awaits approval is in none of them: however many there are, they hide nothing.

use shared::{
    error::Error,
    google::{documents::Stored, run_queue::QueueReader},
    run::{Run, State as RunState},
};

use crate::{State, reconcile::PROMOTED_MAX};

/// The runs of a tick.
#[derive(Debug)]
pub(crate) struct OpenRuns {
    /// Those that wait for a job, as far as they may start now.
    pub(crate) queued: Vec<Run>,
    /// Those with a job that has not ended.
    pub(crate) live: Vec<Stored<Run>>,
    /// Those whose end is not published yet.
    pub(crate) ended: Vec<Stored<Run>>,
}

impl OpenRuns {
    pub(crate) async fn read(state: &State) -> Result<Self, Error> {
        let mut live = in_state(state, RunState::Running).await?;
        live.extend(in_state(state, RunState::Stopping).await?);
        let mut ended = Vec::new();
        for end in [RunState::Succeeded, RunState::Failed, RunState::Cancelled] {
            let unpublished = [
                ("state", end.as_str().into()),
                ("finish_published", false.into()),
            ];
            ended.extend(state.documents.query_all::<Run>(&unpublished).await?);
        }
        Ok(Self {
            queued: queued(state, live.len()).await?,
            live,
            ended,
        })
    }
}

/// The queued runs that may start beside `live` others, and those whose submission is in doubt.
async fn queued(state: &State, live: usize) -> Result<Vec<Run>, Error> {
    let queue = QueueReader::new(&state.documents);
    let mut queued = queue.armed(PROMOTED_MAX).await?;
    let free = state.config.jobs_max.saturating_sub(live);
    if free > 0 {
        queued.extend(queue.in_turn(free).await?);
        let retried = queue.retried(state.clock.now(), PROMOTED_MAX);
        queued.extend(retried.await?);
    }
    Ok(queued)
}

/// Writes again every queued run that an earlier version wrote, so that it stands in a list of the queue.
/// Once for a process: no other reader sees such a run, and no version of today writes one.
pub(crate) async fn index(state: &State) -> Result<(), Error> {
    for stored in in_state(state, RunState::Queued).await? {
        let run = &stored.value;
        if !stored.is_indexed {
            let id = run.id.as_str();
            let _another_write_indexed_it = state.documents.replace(id, &stored, run).await?;
        }
    }
    Ok(())
}

async fn in_state(state: &State, wanted: RunState) -> Result<Vec<Stored<Run>>, Error> {
    let wanted = [("state", wanted.as_str().into())];
    state.documents.query_all::<Run>(&wanted).await
}
