//! Waiting on a state: look, pause, look again, until it is too late.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The first pause between two looks; each is twice the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest: a state that took minutes is not missed by more.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// The looks that are left.
#[derive(Debug)]
pub(crate) struct Looks {
    deadline: Instant,
    pause: Duration,
}

impl Looks {
    pub(crate) fn within(limit: Duration) -> Self {
        Self {
            deadline: Instant::now() + limit,
            pause: PAUSE_MIN,
        }
    }

    /// Pauses, unless it is too late for another look.
    pub(crate) async fn again(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}
