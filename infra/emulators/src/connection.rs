//! The connection of a call: who calls, and a way to break it.

use std::{convert::Infallible, future::pending, sync::Arc};

use tokio::sync::Notify;

/// The name of the listener that always exists.
pub(crate) const MAIN: &str = "main";

/// The connection of a call, passed in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    caller: Arc<str>,
    broken: Arc<Notify>,
}

impl Connection {
    /// A connection to the listener `caller`.
    pub(crate) fn new(caller: Arc<str>) -> Self {
        let broken = Arc::default();
        Self { caller, broken }
    }

    /// The name of the listener, which identifies the caller.
    pub(crate) fn caller(&self) -> &str {
        &self.caller
    }

    /// Notified when the connection is to be closed.
    pub(crate) fn broken(&self) -> Arc<Notify> {
        Arc::clone(&self.broken)
    }

    /// Closes the connection during the call, whose future is dropped with it.
    ///
    /// Other calls on the same HTTP/2 connection break too, as they would if the network failed.
    pub(crate) async fn break_off(&self) -> Infallible {
        self.broken.notify_one();
        pending().await
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self::new(MAIN.into())
    }
}
