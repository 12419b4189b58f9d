//! Versions for which no run was planned, since the event that says so was lost.
//!
//! A tick looks at one page of versions and goes on where the one before stopped, so that it reads as much
//! after ten thousand uploads as after ten; a version that has its run is looked at once by a process.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::{
    dataset::Version,
    error::Error,
    event::DatasetCleaned,
    google::documents::{Document, PagePosition, Stored},
    id::VersionId,
    run::Run,
};
use tracing::warn;

use crate::{State, reconcile};

/// The name of the watermark of versions.
const VERSIONS: &str = "versions";
/// Most events that one tick publishes again; the next tick publishes more.
const PUBLISHED_MAX: usize = 100;
/// Versions whose runs are looked for at a time.
const LOOKS_AT_ONCE: usize = 8;
/// Most versions that a process remembers to have their run: some megabytes.
const PLANNED_MAX: usize = 50_000;

/// Up to when everything is known to be done: document `watermarks/{what}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    /// All that was created before needs no second look.
    at: DateTime<Utc>,
}

impl Document for Watermark {
    const COLLECTION: &'static str = "watermarks";
}

/// How far the versions have been looked through. A process without it begins at the watermark.
#[derive(Debug, Default)]
pub(crate) struct VersionScan(Mutex<ScanState>);

#[derive(Debug, Default)]
struct ScanState {
    /// Where the next page begins; the first one where there is none.
    after: Option<PagePosition>,
    /// The oldest version of the pages so far that has no run.
    oldest: Option<DateTime<Utc>>,
    /// Versions that have their run.
    planned: BTreeSet<VersionId>,
}

impl VersionScan {
    fn lock(&self) -> MutexGuard<'_, ScanState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes `dataset-cleaned` again for every version of the next page that has no run.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let stored = state.documents.get::<Watermark>(VERSIONS).await?;
    let mark = stored.as_ref().map(|stored| stored.value.at);
    let since = reconcile::since(mark, now);
    let since = since.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let after = state.versions.lock().after.clone();
    let page = state
        .documents
        .page_since::<Version>("created_at", since, after);
    let (page, next) = page.await?;
    let versions: Vec<Version> = page.into_iter().map(|stored| stored.value).collect();
    let unplanned = unplanned(state, &versions).await?;
    let lost = |version: &&&Version| reconcile::is_lost(version, state.config.lost, now);
    for version in unplanned.iter().filter(lost).take(PUBLISHED_MAX) {
        let version = version.id.clone();
        warn!(dataset.version = %version, "version {version} has no run: publishing `dataset-cleaned` again");
        state.events.publish(&DatasetCleaned { version }).await?;
    }
    let oldest = unplanned.iter().map(|version| version.created_at).min();
    let reached = versions.last().filter(|_| next.is_some());
    let reached = reached.map(|version| version.created_at);
    let mark = {
        let mut scan = state.versions.lock();
        let oldest = scan.oldest.into_iter().chain(oldest).min();
        scan.oldest = oldest.filter(|_| next.is_some());
        scan.after = next;
        reconcile::watermark(oldest, reached, now)
    };
    advance(state, stored, mark).await
}

/// Those of `versions` that have no run.
async fn unplanned<'a>(state: &State, versions: &'a [Version]) -> Result<Vec<&'a Version>, Error> {
    let unknown: Vec<&Version> = {
        let scan = state.versions.lock();
        let versions = versions.iter();
        versions
            .filter(|it| !scan.planned.contains(&it.id))
            .collect()
    };
    let looks = stream::iter(unknown).map(async |version| {
        let id = version.id.as_str();
        let runs = state.documents.with_field::<Run>("version", id, 1).await?;
        Ok::<_, Error>((version, runs.is_empty()))
    });
    let looks: Vec<(&Version, bool)> = looks.buffered(LOOKS_AT_ONCE).try_collect().await?;
    let mut scan = state.versions.lock();
    if scan.planned.len() >= PLANNED_MAX {
        scan.planned.clear();
    }
    let planned = looks.iter().filter(|(_, is_unplanned)| !is_unplanned);
    scan.planned
        .extend(planned.map(|(version, _)| version.id.clone()));
    let unplanned = looks.into_iter().filter(|(_, is_unplanned)| *is_unplanned);
    Ok(unplanned.map(|(version, _)| version).collect())
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
