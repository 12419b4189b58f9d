//! What a lost event left undone, found from the documents alone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    dataset::Version,
    id::RunId,
    run::{Run, State},
};

/// Most runs that one tick promotes: each is a message and a few reads of tune. With more that could be
/// tried, such as all after an outage, the oldest come first and the next ticks go on.
pub const PROMOTED_MAX: usize = 50;
/// How far the watermark stays behind: the document of a version may appear hours after the time of its
/// creation that it holds, since cleaning takes that long.
const WATERMARK_LAG: TimeDelta = TimeDelta::days(1);
/// How far back versions are looked for at the most. One that had no run for a month waits for a person,
/// and must not make every tick read all that came after it.
const LOOKBACK_MAX: TimeDelta = TimeDelta::days(31);
/// How far the watermark must move before it is written.
pub const WATERMARK_STEP: TimeDelta = TimeDelta::hours(1);

/// The queued runs that may be submitted now, the oldest first.
///
/// - Those whose submission is in doubt: only another delivery of `run-approved` finds out whether a job
///   exists.
/// - Those whose turn has come: as many as slots are free.
/// - Those that keep no place, since others may pass them, and whose next try is due.
pub fn due(queued: &[Run], live: usize, jobs_max: usize, now: DateTime<Utc>) -> Vec<RunId> {
    let mut queued: Vec<&Run> = queued
        .iter()
        .filter(|run| run.state == State::Queued)
        .collect();
    queued.sort_by_key(|run| run.queue_position());
    let (doubtful, certain): (Vec<&Run>, Vec<&Run>) =
        queued.into_iter().partition(|run| run.armed.is_some());
    let (passed, waiting): (Vec<&Run>, Vec<&Run>) =
        certain.into_iter().partition(|run| !run.keeps_place());
    let free = jobs_max.saturating_sub(live);
    let is_due = |run: &&Run| run.waits.as_ref().is_none_or(|waits| waits.is_over(now));
    let in_turn = waiting.into_iter().take(free).filter(is_due);
    let retried = passed.into_iter().filter(is_due).filter(|_| free > 0);
    doubtful
        .into_iter()
        .chain(in_turn)
        .chain(retried)
        .map(|run| run.id.clone())
        .take(PROMOTED_MAX)
        .collect()
}

/// Whether the event of a version without a run counts as lost: it is older than `lost`.
pub fn is_lost(version: &Version, lost: Duration, now: DateTime<Utc>) -> bool {
    let lost = TimeDelta::from_std(lost).unwrap_or(TimeDelta::MAX);
    now - version.created_at > lost
}

/// The time from which versions are read; `mark` is the watermark, if there is one.
pub fn since(mark: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    let earliest = now - LOOKBACK_MAX;
    mark.map_or(earliest, |mark| mark.max(earliest))
}

/// The next watermark: everything created before it has its run. `oldest` was the oldest without one, and
/// `reached` is how far the look has come, if it is not at the end.
pub fn watermark(
    oldest: Option<DateTime<Utc>>,
    reached: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let open = oldest.into_iter().chain(reached).min();
    // A second earlier: times are compared as texts, whose order is that of whole seconds.
    let open = open.map(|open| open - TimeDelta::seconds(1));
    let latest = now - WATERMARK_LAG;
    open.map_or(latest, |open| open.min(latest))
}

#[cfg(test)]
mod tests;
