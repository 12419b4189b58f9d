//! Wire-level stand-ins of the Google Cloud services that Lapidary uses, all on one port.
//!
//! Nothing of Lapidary is imported here: a client and its stand-in that share a
//! type share its bugs. What is not served answers UNIMPLEMENTED / 501 by name.

mod front;
mod identity;
mod storage;

mod firestore;
mod monitoring;
mod pubsub;
mod scheduler;
mod vertex;

mod faults;

pub mod clock;
mod db;
mod grpc;
mod rest;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use bytes::Bytes;

use crate::clock::Clock;

/// How to start the emulators.
#[derive(Debug, Clone)]
pub struct Options {
    /// The project id that the metadata server tells.
    pub project: String,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The directory that holds what survives a restart; `None` keeps all in memory.
    pub data: Option<PathBuf>,
    /// The time that every service lives in.
    pub clock: Clock,
}

/// Why the emulators do not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}: choose another port")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory `{}`: is another process using it?", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The signing key cannot be made.
    #[error("cannot make the key that signs push tokens")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The running emulators; dropped, they stop.
#[derive(Debug)]
pub struct Emulators {
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Emulators {
    /// Starts every service on one port and returns when all answer.
    ///
    /// # Errors
    ///
    /// When the port is taken or the data directory cannot be used.
    pub async fn start(options: Options) -> Result<Self, Error> {
        front::start(options).await
    }

    /// Where all services listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Emulators {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Puts a message on a topic (its full name), from inside: object notifications, alerts, ticks.
///
/// A topic that does not exist is logged and forgotten, as in the cloud.
pub(crate) type Publish = Arc<dyn Fn(&str, Vec<u8>, BTreeMap<String, String>) + Send + Sync>;

/// Reads the live generation of an object (`bucket`, `object`), from inside: training files.
pub(crate) type ReadObject = Arc<dyn Fn(&str, &str) -> Option<Bytes> + Send + Sync>;

/// Mints an OIDC token for a service account (`email`, `audience`), as Google signs its pushes.
pub(crate) type MintToken = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;
