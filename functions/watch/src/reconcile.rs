//! What a lost event left undone, found from the documents alone.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    dataset::Version,
    id::{RunId, VersionId},
    run::{Run, State},
};

/// The queued runs whose turn may have come, oldest first: as many as slots are free.
///
/// Runs whose submission is in doubt are always among them: only another delivery of `run-approved`
/// finds out whether a job exists.
pub fn due(open: &[Run], jobs_max: usize) -> Vec<RunId> {
    let live = open.iter().filter(|run| run.state.is_live()).count();
    let mut queued: Vec<&Run> = open
        .iter()
        .filter(|run| run.state == State::Queued)
        .collect();
    queued.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let (doubtful, waiting): (Vec<&Run>, Vec<&Run>) =
        queued.into_iter().partition(|run| run.armed.is_some());
    let free = jobs_max.saturating_sub(live);
    doubtful
        .into_iter()
        .chain(waiting.into_iter().take(free))
        .map(|run| run.id.clone())
        .collect()
}

/// The versions older than `lost` for which no run was planned.
pub fn unplanned(
    versions: &[Version],
    runs: &[Run],
    lost: Duration,
    now: DateTime<Utc>,
) -> Vec<VersionId> {
    let planned: BTreeSet<&VersionId> = runs.iter().map(|run| &run.version).collect();
    let lost = TimeDelta::from_std(lost).unwrap_or(TimeDelta::MAX);
    versions
        .iter()
        .filter(|version| now - version.created_at > lost && !planned.contains(&version.id))
        .map(|version| version.id.clone())
        .collect()
}
