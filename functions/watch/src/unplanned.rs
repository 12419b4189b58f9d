//! Versions for which no run was planned, since the event that says so was lost.
//!
//! A tick looks at one page of versions and goes on where the one before stopped, so that it reads as much
//! after ten thousand uploads as after ten; a version that has its run is looked at once by a process.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{dataset::Version, error::Error, event::DatasetCleaned, run::Run};
use tracing::warn;

use crate::{
    State,
    reconcile::{self, LostWork},
    scan::Watermark,
    undone,
};

/// The name of the watermark of versions.
const VERSIONS: &str = "versions";
/// Most events that one tick publishes again; the next tick publishes more.
const PUBLISHED_MAX: usize = 100;
/// Versions whose runs are looked for at a time.
const LOOKS_AT_ONCE: usize = 8;

/// Publishes `dataset-cleaned` again for every version of the next page that has no run.
pub(crate) async fn publish(state: &State) -> Result<(), Error> {
    let now = state.clock.now();
    let stored = Watermark::read(state, VERSIONS).await?;
    let since = Watermark::since(stored.as_ref(), now);
    let after = state.versions.position();
    let page = state
        .documents
        .page_since::<Version>("created_at", since, after);
    let (page, next) = page.await?;
    let versions: Vec<Version> = page.into_iter().map(|stored| stored.value).collect();
    let unplanned = unplanned(state, &versions).await?;
    let mut published = 0;
    for version in &unplanned {
        let work = LostWork {
            work: "version",
            subject: version.id.as_str(),
            since: version.created_at,
        };
        let pause = state.config.lost();
        let is_due = now - version.created_at > pause
            && published < PUBLISHED_MAX
            && state.versions.is_due(work.subject, pause, now);
        if is_due {
            published += 1;
            let version = version.id.clone();
            warn!(dataset.version = %version, "version {version} has no run: publishing `dataset-cleaned` again");
            state.events.publish(&DatasetCleaned { version }).await?;
        }
        undone::report(state, &work, now);
    }
    // The event of a version that a person accepts days later may be lost, too: until then it holds the watermark.
    let held = versions.iter().filter(|version| version.awaits_review());
    let open = unplanned.iter().copied().chain(held);
    let oldest = open.map(|version| version.created_at).min();
    let reached = versions.last().filter(|_| next.is_some());
    let reached = reached.map(|version| version.created_at);
    let oldest = state.versions.turn(next, oldest);
    let mark = reconcile::watermark(oldest, reached, now);
    Watermark::advance(state, VERSIONS, stored, mark).await
}

/// Those of `versions` that have no run.
async fn unplanned<'a>(state: &State, versions: &'a [Version]) -> Result<Vec<&'a Version>, Error> {
    let unknown = versions.iter();
    // Who accepts a version publishes its event, and again when asked to.
    let unknown = unknown.filter(|it| !it.awaits_review());
    let unknown = unknown.filter(|it| state.versions.is_open(it.id.as_str()));
    let looks = stream::iter(unknown).map(async |version| {
        let id = version.id.as_str();
        let runs = state.documents.with_field::<Run>("version", id, 1).await?;
        Ok::<_, Error>((version, runs.is_empty()))
    });
    let looks: Vec<(&Version, bool)> = looks.buffered(LOOKS_AT_ONCE).try_collect().await?;
    let (unplanned, planned): (Vec<_>, Vec<_>) = looks
        .into_iter()
        .partition(|(_, is_unplanned)| *is_unplanned);
    for (version, _) in planned {
        state.versions.close(version.id.as_str());
    }
    Ok(unplanned.into_iter().map(|(version, _)| version).collect())
}
