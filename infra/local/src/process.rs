//! A function as its own process, so that killing it is a real crash.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Longest that a function may take to listen. One that fails ends and is noticed at once; this limit
/// is for one that hangs, and a machine that is busy with other things needs long for eight starts.
const START_MAX: Duration = Duration::from_mins(3);
/// Longest time until a function ends after the request to stop: its own limit of 8 s, plus a margin.
const STOP_MAX: Duration = Duration::from_secs(12);

/// Why a function does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process cannot be started.
    #[error("cannot start the function `{function}`")]
    Spawn {
        /// The function.
        function: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// It ended, or logged nothing, before it listened.
    #[error("the function `{function}` did not start: {last_line}")]
    NotStarted {
        /// The function.
        function: String,
        /// The last line that it logged.
        last_line: String,
    },
}

/// The file of root certificates. Each of a function's eight clients reads them when it starts, and, without this
/// variable, also a folder that has each of them once more in a file of its own.
fn root_certificates() -> Option<(&'static str, PathBuf)> {
    let file = openssl_probe::probe().cert_file?;
    Some((openssl_probe::ENV_CERT_FILE, file))
}

/// A line that a function logged.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// The function, or the job.
    pub function: String,
    /// The execution of the job; `None` for a function.
    pub execution: Option<String>,
    /// The line.
    pub entry: Value,
}

/// A running function.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Held open: a function ends when its standard input closes, so that none outlives its stack.
    stdin: Option<ChildStdin>,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Process {
    /// Starts `function` from `program` and waits until it listens; port 0 picks a free one.
    pub async fn start(
        program: &Path,
        function: &str,
        port: u16,
        variables: &BTreeMap<String, String>,
        logs: mpsc::UnboundedSender<LogLine>,
    ) -> Result<Self, Error> {
        let spawn = |source| Error::Spawn {
            function: function.to_owned(),
            source,
        };
        let mut child = Command::new(program)
            .args(["serve", function])
            .env_clear()
            .envs(root_certificates())
            .envs(variables)
            .env("PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // A stack that is dropped without `stop`, as after a panic in a test, leaves no process.
            .kill_on_drop(true)
            .spawn()
            .map_err(spawn)?;
        let no_pipe = || spawn(io::Error::other("no pipe"));
        let stdin = child.stdin.take().ok_or_else(no_pipe)?;
        let stdout = child.stdout.take().ok_or_else(no_pipe)?;
        let (port_sender, port_receiver) = oneshot::channel();
        tokio::spawn(pump(function.to_owned(), stdout, logs, port_sender));
        match timeout(START_MAX, port_receiver).await {
            Ok(Ok(Ok(port))) => Ok(Self {
                child,
                stdin: Some(stdin),
                port,
            }),
            Ok(Ok(Err(last_line))) => Err(Error::NotStarted {
                function: function.to_owned(),
                last_line,
            }),
            Ok(Err(_)) | Err(_) => Err(Error::NotStarted {
                function: function.to_owned(),
                last_line: "no log line".to_owned(),
            }),
        }
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it, as a crash would: no signal handler, no shutdown.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Makes it stand still where it is, as an instance that gets no processor does; it goes on at
    /// [`Process::thaw`].
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = self.id().ok_or_else(|| io::Error::other("it has ended"))?;
        let id = i32::try_from(id).map_err(io::Error::other)?;
        signal::kill(Pid::from_raw(id), signal).map_err(io::Error::from)
    }

    /// Asks it to stop and waits; kills it if it does not.
    pub async fn stop(&mut self) -> io::Result<Option<ExitStatus>> {
        drop(self.stdin.take());
        if let Ok(status) = timeout(STOP_MAX, self.child.wait()).await {
            return status.map(Some);
        }
        self.child.kill().await?;
        Ok(None)
    }
}

/// Reads the log of the function, whose first `started` line has its port.
async fn pump(
    function: String,
    stdout: ChildStdout,
    logs: mpsc::UnboundedSender<LogLine>,
    port_sender: oneshot::Sender<Result<u16, String>>,
) {
    let mut port_sender = Some(port_sender);
    let mut last_line = "no log line".to_owned();
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let entry = parse(&line);
        if let Some(message) = entry.get("message").and_then(Value::as_str) {
            message.clone_into(&mut last_line);
        }
        if entry.get("outcome").and_then(Value::as_str) == Some("started")
            && let Some(port) = entry.get("port").and_then(Value::as_u64)
            && let Ok(port) = u16::try_from(port)
            && let Some(sender) = port_sender.take()
        {
            let _start_timed_out = sender.send(Ok(port));
        }
        let _stack_is_gone = logs.send(LogLine {
            function: function.clone(),
            execution: None,
            entry,
        });
    }
    if let Some(sender) = port_sender.take() {
        let _start_timed_out = sender.send(Err(last_line));
    }
}

/// A log line: JSON, or plain text as a message.
pub(crate) fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| serde_json::json!({ "message": line }))
}
