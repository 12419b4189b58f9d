//! Follows one upload or run to its end, and prints what happens.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use shared::error::{Chain, Error as ReadError};
use tokio::time::{Instant, sleep};

use super::{
    diff::diff,
    reader::{self, Subject},
    snapshot::ChainSnapshot,
    stage::ChainStage,
};
use crate::{
    screen::{ProgressLine, Screen},
    session::Session,
    text,
};

/// Pause between two reads of the documents: short enough for a fast clock, long enough to keep
/// seven reads per upload cheap.
const PAUSE: Duration = Duration::from_millis(250);

/// Why the end was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing changed for too long.
    #[error("no progress for {quiet_s} s; waiting for: {waiting_for}; last line: {last_line}")]
    Quiet {
        /// How long, in seconds of the wall clock.
        quiet_s: u64,
        /// The stage in progress.
        waiting_for: String,
        /// The last line that was printed.
        last_line: String,
    },
    /// The documents could not be read for too long.
    #[error("the documents cannot be read")]
    Read(#[source] ReadError),
}

/// Notices when nothing changes any more in any of the subjects that are followed.
///
/// Subjects share one watchdog: a run that waits for its turn behind another one stands still, and
/// rightly so, as long as the other one moves.
#[derive(Debug)]
pub(crate) struct Watchdog {
    last_change: Mutex<Instant>,
    quiet_max: Duration,
}

impl Watchdog {
    /// Expires after `quiet_max` of the wall clock without a change.
    pub(crate) fn new(quiet_max: Duration) -> Self {
        Self {
            last_change: Mutex::new(Instant::now()),
            quiet_max,
        }
    }

    fn reset(&self) {
        *self
            .last_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn has_expired(&self) -> bool {
        let last_change = *self
            .last_change
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        last_change.elapsed() > self.quiet_max
    }
}

/// Follows `subject` until `is_over`; prints each line with `name` and the time since the start.
pub(crate) async fn follow(
    session: &Session,
    subject: &Subject,
    name: &str,
    screen: &Screen,
    watchdog: &Watchdog,
    is_over: fn(&ChainSnapshot) -> bool,
) -> Result<ChainSnapshot, Error> {
    let mut reporter = Reporter::new(session, name, screen);
    loop {
        // Boxed: the reads of seven documents make a large future.
        match Box::pin(reader::snapshot(session, subject, &reporter.seen)).await {
            Ok(now) => {
                if reporter.report(now, session.clock.now()) {
                    watchdog.reset();
                }
            }
            // A follower outlives short outages; only one that lasts is an error.
            Err(error) if watchdog.has_expired() => return Err(Error::Read(error)),
            Err(error) => tracing::debug!("a read failed: {}", Chain(&error)),
        }
        if is_over(&reporter.seen) {
            return Ok(reporter.seen);
        }
        if watchdog.has_expired() {
            return Err(Error::Quiet {
                quiet_s: watchdog.quiet_max.as_secs(),
                waiting_for: reporter.stage.name().to_owned(),
                last_line: reporter.last_line,
            });
        }
        sleep(PAUSE).await;
    }
}

/// Prints the changes of one subject, and shows its stage.
struct Reporter<'a> {
    name: &'a str,
    screen: &'a Screen,
    line: ProgressLine,
    started: DateTime<Utc>,
    seen: ChainSnapshot,
    stage: ChainStage,
    stage_since: DateTime<Utc>,
    last_line: String,
}

impl<'a> Reporter<'a> {
    fn new(session: &Session, name: &'a str, screen: &'a Screen) -> Self {
        let now = session.clock.now();
        Self {
            name,
            screen,
            line: screen.progress(name),
            started: now,
            seen: ChainSnapshot::default(),
            stage: ChainStage::of(&ChainSnapshot::default()),
            stage_since: now,
            last_line: "none".to_owned(),
        }
    }

    /// Prints what is new in `now`; returns whether anything is.
    fn report(&mut self, now: ChainSnapshot, at: DateTime<Utc>) -> bool {
        let stage = ChainStage::of(&now);
        let lines = diff(&self.seen, &now);
        let changed = stage != self.stage || !lines.is_empty();
        if stage.name() != self.stage.name() {
            self.stage_since = at;
        }
        for line in lines {
            let stamp = stamp(at - self.started);
            self.screen.print(&format!("{} {stamp} {line}", self.name));
            self.last_line = line;
        }
        show(&self.line, &stage, &text::span(at - self.stage_since));
        self.seen = now;
        self.stage = stage;
        changed
    }
}

/// Shows the stage in progress, and for how long it has been.
fn show(line: &ProgressLine, stage: &ChainStage, elapsed: &str) {
    let message = |words: &str| format!("{words} ({elapsed})");
    match stage {
        ChainStage::Tuning(progress) => match progress.total {
            Some(total) => line.advance(progress.done, total, message(&progress.words())),
            None => line.spin(message(&progress.words())),
        },
        ChainStage::Evaluating(progress) => {
            line.advance(progress.done, progress.total, message(stage.name()));
        }
        ChainStage::Waiting(words) => line.spin(message(words)),
        ChainStage::Done => line.clear(),
    }
}

/// The time since the start, by the stack's clock: `+1:02:03`.
fn stamp(passed: TimeDelta) -> String {
    let seconds = passed.num_seconds().max(0);
    format!(
        "+{}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_has_hours_minutes_seconds() {
        assert_eq!(stamp(TimeDelta::seconds(3_723)), "+1:02:03");
        assert_eq!(stamp(TimeDelta::seconds(-1)), "+0:00:00");
    }
}
