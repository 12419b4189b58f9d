//! The runs that a tick is about, each from a query that is read to its end.
//!
//! A run that awaits approval is in none of them: however many there are, they hide nothing.

use shared::{
    error::Error,
    google::documents::Stored,
    run::{Run, State as RunState},
};

use crate::State;

/// The runs of a tick.
#[derive(Debug)]
pub(crate) struct OpenRuns {
    /// Those that wait for a job.
    pub(crate) queued: Vec<Run>,
    /// Those with a job that has not ended.
    pub(crate) live: Vec<Stored<Run>>,
    /// Those whose end is not published yet.
    pub(crate) ended: Vec<Stored<Run>>,
}

impl OpenRuns {
    pub(crate) async fn read(state: &State) -> Result<Self, Error> {
        let queued = in_state(state, RunState::Queued).await?;
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
            queued: queued.into_iter().map(|stored| stored.value).collect(),
            live,
            ended,
        })
    }
}

async fn in_state(state: &State, wanted: RunState) -> Result<Vec<Stored<Run>>, Error> {
    let wanted = [("state", wanted.as_str().into())];
    state.documents.query_all::<Run>(&wanted).await
}
