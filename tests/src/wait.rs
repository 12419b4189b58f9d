//! Waiting on state, never on time: level-triggered, bounded, and telling what was last seen.

use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `look` gives a value, and gives that; panics after `limit` with what was last seen.
///
/// `look` answers `Ok` with what was waited for, or `Err` with what it saw instead.
pub async fn until<T, S, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    S: Debug,
    F: Future<Output = Result<T, S>>,
{
    let started = Instant::now();
    loop {
        match look().await {
            Ok(value) => return value,
            Err(seen) => assert!(
                started.elapsed() < limit,
                "waited {limit:?} for {what}; last saw {seen:#?}"
            ),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
