//! The running emulators: one process, one store, one or more listeners.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use chrono::SecondsFormat;
use futures::future::BoxFuture;
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
    task::JoinHandle,
    time,
};

use crate::{
    clock::Clock,
    connection, db, listener,
    options::{Error, Options},
    router::Router,
    run::TaskLine,
};

/// How long calls in progress may take to end once [`Emulators::stop`] is called: streams that
/// clients keep open never end by themselves.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// How often [`Emulators::stop`] checks whether the store is closed.
const STOP_POLL: Duration = Duration::from_millis(2);

/// The running emulators; they stop when dropped.
#[derive(Debug)]
pub struct Emulators {
    address: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
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
        Box::pin(start(options))
    }

    /// The address of all services: that of the main listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tasks of jobs write to their standard output, from now on.
    pub fn task_lines(&self) -> broadcast::Receiver<TaskLine> {
        self.tasks.subscribe()
    }

    /// The address of the listener `name` of [`Options::listeners`].
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.get(name).copied()
    }

    /// The environment variables with which a process finds these emulators at the main listener.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment_at(self.address)
    }

    /// The environment variables with which a process finds these emulators at the listener `name`.
    pub fn environment_for(&self, name: &str) -> Option<Vec<(String, String)>> {
        Some(self.environment_at(self.listener(name)?))
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
            time::sleep(STOP_POLL).await;
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

async fn start(options: Options) -> Result<Emulators, Error> {
    let (main, address) = bind(options.port).await?;
    let mut sockets = vec![(connection::MAIN.to_owned(), main)];
    let mut listeners = BTreeMap::from([(connection::MAIN.to_owned(), address)]);
    for name in &options.listeners {
        if listeners.contains_key(name) {
            return Err(Error::DuplicateListener(name.clone()));
        }
        let (socket, address) = bind(0).await?;
        sockets.push((name.clone(), socket));
        listeners.insert(name.clone(), address);
    }
    let (router, store) = Router::open(&options, address)?;
    let tasks = router.task_lines();
    let (stop, stopping) = watch::channel(false);
    let servers = sockets
        .into_iter()
        .map(|(name, socket)| {
            let served = listener::serve(socket, name.into(), router.clone(), stopping.clone());
            tokio::spawn(served)
        })
        .collect();
    Ok(Emulators {
        address,
        listeners,
        project: options.project,
        clock: options.clock,
        tasks,
        stop,
        servers,
        store,
    })
}

async fn bind(port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let error = |source| Error::Listen { port, source };
    let socket = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(error)?;
    let address = socket.local_addr().map_err(error)?;
    Ok((socket, address))
}
