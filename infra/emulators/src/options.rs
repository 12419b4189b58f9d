//! How the emulators are started, and why that can fail.

use std::path::PathBuf;

use crate::clock::Clock;

/// How to start the emulators.
#[derive(Debug, Clone)]
pub struct Options {
    /// The project id of the metadata server.
    pub project: String,
    /// The port on 127.0.0.1; 0 chooses a free one.
    pub port: u16,
    /// The directory for what survives a restart; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// The clock of all services.
    pub clock: Clock,
    /// Names of further listeners on free ports, which serve the same: with one per process,
    /// faults and the journal know the caller. `main` is reserved.
    pub listeners: Vec<String>,
}

/// Why the emulators do not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be used.
    #[error("cannot listen on 127.0.0.1:{port}: choose another port")]
    Listen {
        /// The requested port.
        port: u16,
        /// The error of the system.
        #[source]
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory `{}`: is another process using it?", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two listeners have the same name.
    #[error("two listeners have the name `{0}`")]
    DuplicateListener(String),
    /// The signing key cannot be created.
    #[error("cannot create the key that signs push tokens")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
}
