//! A background task that repeats one step.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle};

/// The task; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticker(JoinHandle<()>);

impl Ticker {
    /// Repeats `step`, which returns the pause before the next one; `wake` ends a pause early.
    pub(crate) fn start(
        wake: Arc<Notify>,
        mut step: impl FnMut() -> Duration + Send + 'static,
    ) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let pause = step();
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = wake.notified() => {}
                }
            }
        }))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}
