//! Waiting for a state: poll, pause, poll again, until the time limit has passed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;

/// The first pause between two polls; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause: a state that took minutes to reach is noticed at most this much late.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Paces the polls within a time limit.
#[derive(Debug)]
pub(crate) struct Poller {
    deadline: Instant,
    pause: Duration,
}

/// What one poll found.
pub(crate) enum Observation {
    /// The state is as wanted.
    Reached,
    /// It is not yet, and this is what it is.
    NotYet(String),
}

impl Poller {
    pub(crate) fn within(limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            pause: PAUSE_MIN,
        }
    }

    /// Pauses before the next poll; `false` once the limit has passed.
    pub(crate) async fn again(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}

/// Polls until the state is reached.
pub(crate) async fn until(
    limit: Duration,
    mut poll: impl AsyncFnMut() -> Result<Observation, Error>,
) -> Result<(), Error> {
    let mut poller = Poller::within(limit);
    loop {
        match poll().await? {
            Observation::Reached => return Ok(()),
            Observation::NotYet(seen) if !poller.again().await => {
                return Err(Error::late(limit, &seen));
            }
            Observation::NotYet(_) => {}
        }
    }
}
