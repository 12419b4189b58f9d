//! Work that computes for longer than an async thread may be kept from its other requests.

use shared::error::Error;

/// Cleaning computes for seconds: not on the thread that answers health checks.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Internal {
        what: "cleaning panicked",
        source: source.into(),
    })
}
