//! Emulators of the Google Cloud services that Lapidary uses, on the wire and all on one port.
//!
//! Nothing of Lapidary is imported here: a client and its emulator that share a type share its
//! bugs. What is not served is refused with UNIMPLEMENTED (over HTTP a 400) and its name.

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
    pub doors: Vec<String>,
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
    Door(String),
    /// The signing key cannot be created.
    #[error("cannot create the key that signs push tokens")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A line that a job's task wrote.
#[derive(Debug, Clone)]
pub struct TaskLine {
    /// The id of the job.
    pub job: String,
    /// The id of the execution.
    pub execution: String,
    /// The index of the task, from 0.
    pub index: u32,
    /// The line.
    pub line: String,
}

/// How long calls in progress may take to end once [`Emulators::stop`] is called: streams that
/// clients keep open never end by themselves.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// How often [`Emulators::stop`] checks whether the store is closed.
const STOP_LOOK: Duration = Duration::from_millis(2);

/// The running emulators; they stop when dropped.
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
    /// Starts every service on one port and returns once all answer.
    ///
    /// # Errors
    ///
    /// If the port is in use, two listeners have the same name, or the data directory cannot be used.
    pub fn start(options: Options) -> BoxFuture<'static, Result<Self, Error>> {
        // Boxed, so that the code of the services is generated once, in this crate.
        Box::pin(front::start(options))
    }

    /// The address of all services: that of the main listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tasks of jobs write to their standard output, from now on.
    pub fn task_lines(&self) -> broadcast::Receiver<TaskLine> {
        self.tasks.subscribe()
    }

    /// The address of the listener `name` of [`Options::doors`].
    pub fn door(&self, name: &str) -> Option<SocketAddr> {
        self.doors.get(name).copied()
    }

    /// The environment variables with which a process finds these emulators at the main listener.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.address)
    }

    /// The environment variables with which a process finds these emulators at the listener `name`.
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

    /// Stops listening, gives calls in progress half a second to end, and aborts the rest.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let deadline = time::Instant::now() + STOP_LIMIT;
        for server in &mut self.servers {
            if time::timeout_at(deadline, &mut *server).await.is_err() {
                server.abort();
                drop((&mut *server).await);
            }
        }
        // Tasks that hold the store open end soon after; then a successor can open its file.
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

/// Publishes a message to a topic (its full name) from another emulator: object notifications,
/// alerts, ticks.
///
/// If the topic does not exist, the message is logged and dropped, as in the cloud.
pub(crate) type Publish = Arc<dyn Fn(&str, Vec<u8>, BTreeMap<String, String>) + Send + Sync>;

/// Reads the live generation of an object (`bucket`, `object`) for another emulator: training files.
pub(crate) type ReadObject = Arc<dyn Fn(&str, &str) -> Option<Bytes> + Send + Sync>;

/// Mints an OIDC token for a service account (`email`, `audience`), as Google signs its pushes.
pub(crate) type MintToken = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;
