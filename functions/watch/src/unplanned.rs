//! Versions for which no run was planned, since the event that says so was lost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::{
    dataset::Version,
    error::Error,
    event::DatasetCleaned,
    google::documents::{Document, Stored},
    run::Run,
};
use tracing::warn;

use crate::{State, reconcile};

/// The name of the watermark of versions.
const VERSIONS: &str = "versions";
/// Most events that one tick publishes again; the next tick publishes more.
const PUBLISHED_MAX: usize = 100;

/// Up to when everything is known to be done: document `watermarks/{what}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    /// All that was created before needs no second look.
    at: DateTime<Utc>,
}

impl Document for Watermark {
    const COLLECTION: &'static str = "watermarks";
}

/// Publishes `dataset-cleaned` again for every version without a run, however many are newer.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let stored = state.documents.get::<Watermark>(VERSIONS).await?;
    let mark = stored.as_ref().map(|stored| stored.value.at);
    let since = reconcile::since(mark, now);
    let versions = state
        .documents
        .query_since::<Version>("created_at", since)
        .await?;
    // A run is planned after its version was made, so these are all the runs of those versions.
    let runs = state
        .documents
        .query_since::<Run>("created_at", since)
        .await?;
    let versions: Vec<Version> = versions.into_iter().map(|stored| stored.value).collect();
    let runs: Vec<Run> = runs.into_iter().map(|stored| stored.value).collect();
    let unplanned = reconcile::unplanned(&versions, &runs, state.config.lost, now);
    for version in unplanned.iter().take(PUBLISHED_MAX) {
        let version = version.id.clone();
        warn!(dataset.version = %version, "version {version} has no run: publishing `dataset-cleaned` again");
        state.events.publish(&DatasetCleaned { version }).await?;
    }
    let next = reconcile::watermark(&unplanned, now);
    advance(state, stored, next).await
}

async fn advance(
    state: &State,
    stored: Option<Stored<Watermark>>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mark = Watermark { at };
    let _next_tick_if_lost = match stored {
        Some(stored) if at - stored.value.at < reconcile::WATERMARK_STEP => return Ok(()),
        Some(stored) => state.documents.replace(VERSIONS, &stored, &mark).await?,
        None => state.documents.create(VERSIONS, &mark).await?,
    };
    Ok(())
}
