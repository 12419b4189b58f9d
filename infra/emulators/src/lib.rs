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
mod run;
mod scheduler;
mod vertex;

mod faults;

mod catalog;
pub mod clock;
mod db;
mod grpc;
mod rest;

#[cfg(test)]
mod polls;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::SecondsFormat;
use futures::future::BoxFuture;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
    time,
};

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
    /// Names of further listeners on free ports, all serving the same: give each process
    /// its own, and faults and the journal know who calls. `main` is taken.
    pub doors: Vec<String>,
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
    /// Two doors have one name.
    #[error("there are two doors of the name `{0}`")]
    Door(String),
    /// The signing key cannot be made.
    #[error("cannot make the key that signs push tokens")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A line that a task of a job wrote.
#[derive(Debug, Clone)]
pub struct TaskLine {
    /// The id of the job.
    pub job: String,
    /// The id of the execution.
    pub execution: String,
    /// Which task, from 0.
    pub index: u32,
    /// What it wrote.
    pub line: String,
}

/// How long calls under way may take to end once [`Emulators::stop`] is called: streams that
/// clients keep open never end of themselves.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// How often [`Emulators::stop`] looks whether the store is free.
const STOP_LOOK: Duration = Duration::from_millis(2);

/// The running emulators; dropped, they stop.
#[derive(Debug)]
pub struct Emulators {
    address: SocketAddr,
    doors: BTreeMap<String, SocketAddr>,
    project: String,
    clock: Clock,
    tasks: broadcast::Sender<TaskLine>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
    store: db::Hold,
}

impl Emulators {
    /// Starts every service on one port and returns when all answer.
    ///
    /// # Errors
    ///
    /// When the port is taken, two doors have one name, or the data directory cannot be used.
    pub fn start(options: Options) -> BoxFuture<'static, Result<Self, Error>> {
        // Boxed, so that the services' code is generated in this crate, once.
        Box::pin(front::start(options))
    }

    /// Where all services listen: the main door.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tasks of jobs write to their standard output, from now on.
    pub fn task_lines(&self) -> broadcast::Receiver<TaskLine> {
        self.tasks.subscribe()
    }

    /// Where the door `name` of [`Options::doors`] listens.
    pub fn door(&self, name: &str) -> Option<SocketAddr> {
        self.doors.get(name).copied()
    }

    /// The variables that lead a process to these emulators, by the main door.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.address)
    }

    /// The variables that lead a process to these emulators by the door `name`.
    pub fn environment_for(&self, name: &str) -> Option<Vec<(String, String)>> {
        Some(self.environment_at(self.door(name)?))
    }

    fn environment_at(&self, address: SocketAddr) -> Vec<(String, String)> {
        let host = address.to_string();
        let url = format!("http://{address}");
        let origin = self.clock.origin();
        let pairs = [
            ("STORAGE_EMULATOR_HOST", url.clone()),
            ("PUBSUB_EMULATOR_HOST", host.clone()),
            ("FIRESTORE_EMULATOR_HOST", host.clone()),
            ("GCE_METADATA_HOST", host),
            ("VERTEX_ENDPOINT", url.clone()),
            ("MONITORING_ENDPOINT", url.clone()),
            ("LOGGING_ENDPOINT", url.clone()),
            ("SCHEDULER_ENDPOINT", url.clone()),
            ("RUN_ENDPOINT", url.clone()),
            ("PUSH_JWKS_URL", format!("{url}/certs")),
            ("GOOGLE_CLOUD_PROJECT", self.project.clone()),
            (
                "CLOCK_ORIGIN",
                origin.to_rfc3339_opts(SecondsFormat::Nanos, true),
            ),
            ("CLOCK_SPEED", self.clock.speed().to_string()),
        ];
        pairs
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }

    /// Stops listening, lets calls under way end within half a second, and ends the rest.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let deadline = time::Instant::now() + STOP_LIMIT;
        for server in &mut self.servers {
            if time::timeout_at(deadline, &mut *server).await.is_err() {
                server.abort();
                drop((&mut *server).await);
            }
        }
        // Tasks that hold the store end soon after; then a successor can open its file.
        let deadline = time::Instant::now() + STOP_LIMIT;
        while self.store.is_open() && time::Instant::now() < deadline {
            time::sleep(STOP_LOOK).await;
        }
    }
}

impl Drop for Emulators {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
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
