//! CPU-bound work, kept off the async threads.

use shared::error::Error;

/// Runs `work` on a blocking thread. Cleaning takes seconds of CPU time; on an async thread it would
/// hold up other requests and the health check.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Internal {
        what: "cleaning panicked",
        source: source.into(),
    })
}
