//! Waits of tests: they count polls, because seconds of the wall clock say little on a busy machine.

use std::{future::Future, time::Duration};

/// Pause between two polls.
const PAUSE: Duration = Duration::from_millis(10);

/// Polls after which a wait fails: half a minute on an idle machine. The runtime of a test polls and
/// works in one thread, so the work had that many turns, too.
pub(crate) const POLLS_MAX: usize = 3_000;

/// Waits for the output of `future`.
pub(crate) async fn output<T>(what: &str, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..POLLS_MAX {
        if let Ok(output) = tokio::time::timeout(PAUSE, &mut future).await {
            return output;
        }
    }
    panic!("waited in vain for {what}: {POLLS_MAX} polls");
}
