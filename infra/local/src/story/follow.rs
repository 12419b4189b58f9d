//! Follows one upload or run to its end, and says what happens.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use shared::error::{Chain, Error as ReadError};
use tokio::time::{Instant, sleep};

use super::{
    Snapshot, Stage,
    read::{self, Subject},
    screen::Screen,
    tell,
};
use crate::{session::Session, text};

/// How often the documents are read: often enough for a fast clock, and a handful of reads.
const LOOK: Duration = Duration::from_millis(250);

/// Why a story has no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing changed for too long.
    #[error("nothing changed for {quiet_s} s; waited for: {waited_for}; last seen: {last_seen}")]
    Quiet {
        /// How long, in seconds of the wall's clock.
        quiet_s: u64,
        /// What was under way.
        waited_for: String,
        /// The last line that was told.
        last_seen: String,
    },
    /// The documents could not be read for too long.
    #[error("the documents cannot be read")]
    Read(#[source] ReadError),
}

/// When anything last changed, of all that is followed: a run that waits for another one's turn
/// to end stands still for a good reason.
#[derive(Debug)]
pub(crate) struct Pulse {
    last: Mutex<Instant>,
    quiet_max: Duration,
}

impl Pulse {
    /// Beats now, and may pause for `quiet_max` by the wall's clock.
    pub(crate) fn new(quiet_max: Duration) -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            quiet_max,
        }
    }

    fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn has_stopped(&self) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed() > self.quiet_max
    }
}

/// Follows `subject` until `is_over`; each line is said with `name` and the time since the start.
pub(crate) async fn follow(
    session: &Session,
    subject: &Subject,
    name: &str,
    screen: &Screen,
    pulse: &Pulse,
    is_over: fn(&Snapshot) -> bool,
) -> Result<Snapshot, Error> {
    let mut teller = Teller::new(session, name, screen);
    loop {
        // Boxed: the reads of seven documents make a large future.
        match Box::pin(read::snapshot(session, subject, &teller.seen)).await {
            Ok(now) => {
                if teller.show(now, session.clock.now()) {
                    pulse.beat();
                }
            }
            // Passing troubles are the point of a follower; lasting ones are not.
            Err(error) if pulse.has_stopped() => return Err(Error::Read(error)),
            Err(error) => tracing::debug!("a look failed: {}", Chain(&error)),
        }
        if is_over(&teller.seen) {
            return Ok(teller.seen);
        }
        if pulse.has_stopped() {
            return Err(Error::Quiet {
                quiet_s: pulse.quiet_max.as_secs(),
                waited_for: teller.stage.name().to_owned(),
                last_seen: teller.last_line,
            });
        }
        sleep(LOOK).await;
    }
}

struct Teller<'a> {
    name: &'a str,
    screen: &'a Screen,
    line: super::screen::Line,
    started: DateTime<Utc>,
    seen: Snapshot,
    stage: Stage,
    stage_since: DateTime<Utc>,
    last_line: String,
}

impl<'a> Teller<'a> {
    fn new(session: &Session, name: &'a str, screen: &'a Screen) -> Self {
        let now = session.clock.now();
        Self {
            name,
            screen,
            line: screen.line(name),
            started: now,
            seen: Snapshot::default(),
            stage: Stage::of(&Snapshot::default()),
            stage_since: now,
            last_line: "nothing".to_owned(),
        }
    }

    /// Says what is new in `now`; whether anything is.
    fn show(&mut self, now: Snapshot, at: DateTime<Utc>) -> bool {
        let stage = Stage::of(&now);
        let lines = tell(&self.seen, &now);
        let moved = stage != self.stage || !lines.is_empty();
        if stage.name() != self.stage.name() {
            self.stage_since = at;
        }
        for line in lines {
            let told = format!("{} {} {line}", self.name, stamp(at - self.started));
            self.screen.say(&told);
            self.last_line = line;
        }
        self.line.show(&stage, &text::span(at - self.stage_since));
        self.seen = now;
        self.stage = stage;
        moved
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
