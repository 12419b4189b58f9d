//! What a lost event left undone, found from the documents alone.

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    evaluation::EvaluationRecord,
    event::{Event as _, RunEvaluated, RunFinished},
    id::RunId,
    route::{GateDecision, Route},
    run::{Run, State},
};

/// Most runs that one tick promotes: each is a message and a few reads of tune. With more that could be
/// tried, such as all after an outage, the oldest come first and the next ticks go on.
pub const PROMOTED_MAX: usize = 50;
/// How far the watermark stays behind: the document of a version may appear hours after the time of its
/// creation that it holds, since cleaning takes that long.
const WATERMARK_LAG: TimeDelta = TimeDelta::days(1);
/// How far back versions are looked for at most. One that had no run for a month waits for a person,
/// and must not make every tick read all that came after it.
const LOOKBACK_MAX: TimeDelta = TimeDelta::days(31);
/// Age from which an upload without a record is not looked for any more: a person has noticed.
const UPLOAD_OLD: TimeDelta = TimeDelta::days(7);
/// Age from which people are not notified of what happened any more.
const NEWS_OLD: TimeDelta = TimeDelta::days(7);
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

/// Work that did not follow from what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LostWork<'a> {
    /// What is missing, in a word.
    pub(crate) work: &'static str,
    /// Of what: the id of an upload, a version or a run.
    pub(crate) subject: &'a str,
    /// Since when it could have followed.
    pub(crate) since: DateTime<Utc>,
}

/// Whether an object that was uploaded at `at` should have a record by now, `after` which it counts as lost,
/// and is recent enough to be looked for.
pub fn may_be_lost(at: DateTime<Utc>, after: TimeDelta, now: DateTime<Utc>) -> bool {
    let age = now - at;
    age > after && age < UPLOAD_OLD
}

/// A step of the chain after the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainStep {
    /// Its model is compared with what it would replace.
    Evaluation,
    /// The gate decides on that.
    Decision,
    /// The route moves, as was decided.
    Route,
    /// People are notified of the end of a run that has no model to compare.
    EndNotice,
    /// People are notified of the verdict.
    VerdictNotice,
}

impl ChainStep {
    /// The word for it in log lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Decision => "decision",
            Self::Route => "moved route",
            Self::EndNotice => "notification of its end",
            Self::VerdictNotice => "notification of its verdict",
        }
    }

    /// Whether `run-finished` leads to it, and not `run-evaluated`.
    pub fn follows_the_end(self) -> bool {
        match self {
            Self::Evaluation | Self::EndNotice => true,
            Self::Decision | Self::Route | Self::VerdictNotice => false,
        }
    }

    /// The topic of the event that leads to it.
    pub fn topic(self) -> &'static str {
        if self.follows_the_end() {
            RunFinished::TOPIC
        } else {
            RunEvaluated::TOPIC
        }
    }
}

/// A step that did not follow from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingStep {
    /// The step.
    pub step: ChainStep,
    /// When the one before was done.
    pub since: DateTime<Utc>,
}

/// What has followed from the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// All that should.
    Complete,
    /// Another function, or another part of the tick, sees to it.
    UnderWay,
    /// Not all: the event of this step may be lost.
    Missing(MissingStep),
}

/// Whether `run` has ended with a model that can be asked.
pub fn is_worth_an_evaluation(run: &Run) -> bool {
    let chosen = run.chosen.as_ref();
    run.state.is_final() && chosen.is_some_and(|chosen| chosen.endpoint.is_some())
}

/// Whether people should know by now of something that happened at `at`, and it is recent: what a version
/// did that recorded no announcements is not announced again.
pub fn is_news(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - at < NEWS_OLD
}

/// What has followed from the end of `run`: each step from the one before, as the functions do them.
/// `is_announced` says whether people are notified of its verdict, or of its end where none follows, or need
/// not be.
pub fn aftermath(
    run: &Run,
    evaluation: Option<&EvaluationRecord>,
    decision: Option<&GateDecision>,
    route: Option<&Route>,
    is_announced: bool,
) -> Aftermath {
    let missing = |step, since| Aftermath::Missing(MissingStep { step, since });
    if !run.state.is_final() || !run.finish_published {
        return Aftermath::UnderWay;
    }
    let ended_at = run.finished_at.unwrap_or(run.updated_at);
    if !is_worth_an_evaluation(run) {
        return if is_announced {
            Aftermath::Complete
        } else {
            missing(ChainStep::EndNotice, ended_at)
        };
    }
    let Some(evaluation) = evaluation else {
        return missing(ChainStep::Evaluation, ended_at);
    };
    if !evaluation.decided {
        return Aftermath::UnderWay;
    }
    let Some(decision) = decision.filter(|it| it.reopened_by.is_none()) else {
        return missing(ChainStep::Decision, evaluation.at);
    };
    // A route that moved since, or is held, is not moved by this decision any more.
    let waits =
        |route: &Route| Some(route.version) == decision.route_version && route.hold.is_none();
    let is_moved = !decision.promoted || decision.target.is_none() || !route.is_none_or(waits);
    if !is_moved {
        missing(ChainStep::Route, decision.at)
    } else if !is_announced {
        missing(ChainStep::VerdictNotice, evaluation.at)
    } else {
        Aftermath::Complete
    }
}

/// The time from which versions, or runs, are read; `mark` is the watermark, if there is one.
pub fn since(mark: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
    let earliest = now - LOOKBACK_MAX;
    mark.map_or(earliest, |mark| mark.max(earliest))
}

/// The next watermark: nothing before it is left undone. `oldest` was the oldest that was, and
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
