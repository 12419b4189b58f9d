//! An instance of a revision: a process of this machine that listens on `PORT`.

use std::{collections::BTreeMap, io, process::Stdio, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::container::ContainerSpec;

/// How long a container may take to listen, the default of Cloud Run's startup probe.
const START_MAX: Duration = Duration::from_mins(4);
/// How often to try whether it listens.
const POLL: Duration = Duration::from_millis(20);

/// A running instance; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Instance {
    /// Its port on 127.0.0.1.
    pub(super) port: u16,
    /// Held open: the process ends when its standard input closes, so it cannot outlive the emulator.
    _child: Child,
}

impl Instance {
    /// Starts the container of `revision`, and waits until it listens.
    ///
    /// `None` if the container names no command: images cannot be run here.
    pub(super) async fn start(
        service: &str,
        name: &str,
        revision: &Value,
    ) -> io::Result<Option<Self>> {
        let container = revision
            .pointer("/containers/0")
            .map(ContainerSpec::deserialize);
        let Some(Ok(container)) = container else {
            return Err(io::Error::other("the revision has no container"));
        };
        let command = [container.command, container.args].concat();
        let Some((program, arguments)) = command.split_first() else {
            return Ok(None);
        };
        let variables: BTreeMap<String, String> = container
            .env
            .into_iter()
            .map(|variable| (variable.name, variable.value))
            .collect();
        let port = free_port().await?;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(variables)
            .env("PORT", port.to_string())
            .env("K_SERVICE", service)
            .env("K_CONFIGURATION", service)
            .env("K_REVISION", name)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!("the container ended: {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sleep(POLL).await;
        }
        Ok(Some(Self {
            port,
            _child: child,
        }))
    }
}

/// A port on which no process listens at the moment.
async fn free_port() -> io::Result<u16> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok(listener.local_addr()?.port())
}
