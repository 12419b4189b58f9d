//! The whole system on one machine: the emulators, the topology's resources, every function.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
};

use emulators::{Emulators, Options as EmulatorOptions, TaskLine, clock::Clock};
use tokio::sync::{broadcast, mpsc};

use crate::{
    logs,
    process::{self, LogLine, Process},
    provision,
    serve::FUNCTIONS,
    topology::{Topology, bucket_variable},
};

/// The project that everything lives in.
pub const PROJECT: &str = "lapidary-local";
/// Log lines that are kept for whoever asks.
const LINES_MAX: usize = 50_000;

/// How to start a stack.
#[derive(Debug, Clone)]
pub struct Options {
    /// The binary that `serve FUNCTION` is asked of.
    pub program: PathBuf,
    /// The emulators' port; 0 takes a free one.
    pub port: u16,
    /// Where state survives a restart; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// The time that all live in.
    pub clock: Clock,
    /// Settings of the functions that differ from their defaults.
    pub settings: BTreeMap<String, String>,
}

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The emulators do not start.
    #[error("the emulators do not start")]
    Emulators(#[from] emulators::Error),
    /// The topology does not parse.
    #[error("infra/topology.json does not parse")]
    Topology(#[from] serde_json::Error),
    /// A resource of the topology cannot be made.
    #[error("a resource cannot be made")]
    Provision(#[from] provision::Error),
    /// A function does not start.
    #[error("a function does not start")]
    Function(#[from] process::Error),
}

/// A running stack; dropped, everything in it ends.
#[derive(Debug)]
pub struct Stack {
    options: Options,
    topology: Topology,
    emulators: Emulators,
    functions: BTreeMap<&'static str, Process>,
    lines: Arc<Mutex<VecDeque<LogLine>>>,
    log: mpsc::UnboundedSender<LogLine>,
}

impl Stack {
    /// Starts the emulators, makes the topology's resources, and starts every function.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let topology = Topology::load()?;
        let emulators = Emulators::start(EmulatorOptions {
            project: PROJECT.to_owned(),
            port: options.port,
            data: options.data.clone(),
            clock: options.clock.clone(),
            listeners: FUNCTIONS
                .into_iter()
                .map(str::to_owned)
                .chain(topology.jobs.keys().cloned())
                .collect(),
        })
        .await?;
        let lines = Arc::default();
        let log = logs::forward(logging_endpoint(&emulators), Arc::clone(&lines), LINES_MAX);
        forward_tasks(emulators.task_lines(), log.clone());
        let mut stack = Self {
            options,
            topology,
            emulators,
            functions: BTreeMap::new(),
            lines,
            log,
        };
        provision::before_functions(&stack.topology, &stack.environment()).await?;
        for (name, job) in &stack.topology.jobs {
            let program = stack.options.program.to_string_lossy();
            let command = [&*program, "task", &job.function];
            let variables = stack.variables(name, &job.function);
            provision::job(name, job, &command, &variables).await?;
        }
        let started = FUNCTIONS.map(|function| stack.launch(function, 0));
        let started = futures::future::join_all(started).await;
        for (function, process) in FUNCTIONS.into_iter().zip(started) {
            stack.functions.insert(function, process?);
        }
        provision::after_functions(&stack.topology, &stack.environment()).await?;
        Ok(stack)
    }

    /// The addresses of all, in the form that Google's clients read them, and of the functions.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = self.emulators.environment().into_iter().collect();
        all.extend(buckets(&self.topology));
        for (function, process) in &self.functions {
            let name = function.to_uppercase().replace('-', "_");
            all.insert(
                format!("{name}_URL"),
                format!("http://127.0.0.1:{}", process.port),
            );
        }
        all
    }

    /// The topology that the stack was made from.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The time that all live in.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Every line that the functions logged so far, oldest first.
    pub fn log_lines(&self) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// Kills `function` as a crash does.
    pub async fn kill(&mut self, function: &str) -> io::Result<()> {
        match self.functions.get_mut(function) {
            Some(process) => process.kill().await,
            None => Err(io::Error::other(format!("no function `{function}`"))),
        }
    }

    /// Tells `function` to end, as Cloud Run does; `None` where it had to be killed.
    pub async fn terminate(&mut self, function: &str) -> io::Result<Option<ExitStatus>> {
        match self.functions.get_mut(function) {
            Some(process) => process.stop().await,
            None => Err(io::Error::other(format!("no function `{function}`"))),
        }
    }

    /// Starts `function` again, where it was.
    pub async fn restart(&mut self, function: &'static str) -> Result<(), process::Error> {
        let port = self
            .functions
            .get(function)
            .map_or(0, |process| process.port);
        let process = self.launch(function, port).await?;
        self.functions.insert(function, process);
        Ok(())
    }

    /// Stops every function gracefully, then the emulators.
    pub async fn stop(mut self) {
        let stops = self.functions.values_mut().map(Process::stop);
        for stopped in futures::future::join_all(stops).await {
            if let Err(error) = stopped {
                tracing::warn!(%error, "a function could not be stopped");
            }
        }
        self.emulators.stop().await;
    }

    async fn launch(&self, function: &'static str, port: u16) -> Result<Process, process::Error> {
        let variables = self.variables(function, function);
        let program = &self.options.program;
        Process::start(program, function, port, &variables, self.log.clone()).await
    }

    /// The variables of a process of `function` that calls by the door `door`.
    fn variables(&self, door: &str, function: &str) -> BTreeMap<String, String> {
        let door = self.emulators.environment_for(door);
        let addresses = door.unwrap_or_else(|| self.emulators.environment());
        let mut variables: BTreeMap<String, String> = addresses.into_iter().collect();
        variables.extend(buckets(&self.topology));
        variables.extend([
            ("HOST".to_owned(), "127.0.0.1".to_owned()),
            ("WORKERS".to_owned(), "1".to_owned()),
            // People and programs of a laptop have no tokens; Pub/Sub has.
            ("PUSH_AUTH".to_owned(), "verify".to_owned()),
            ("PROGRAM_AUTH".to_owned(), "off".to_owned()),
            ("PEOPLE_AUTH".to_owned(), "off".to_owned()),
            ("PUSH_AUDIENCE".to_owned(), provision::audience(function)),
            ("PUSH_EMAIL".to_owned(), provision::push_account(function)),
        ]);
        variables.extend(jobs(&self.topology));
        variables.extend(self.options.settings.clone());
        variables
    }
}

/// `UPLOADS_BUCKET=lapidary-local-uploads` and so on.
fn buckets(topology: &Topology) -> impl Iterator<Item = (String, String)> {
    topology
        .buckets
        .keys()
        .map(|content| (bucket_variable(content), provision::bucket_name(content)))
}

/// `CLEAN_JOB=projects/…/jobs/clean-large`.
fn jobs(topology: &Topology) -> impl Iterator<Item = (String, String)> {
    topology
        .jobs
        .iter()
        .map(|(name, job)| (job.variable(), provision::job_name(name)))
}

/// Sends what tasks write to where functions' lines go.
fn forward_tasks(mut lines: broadcast::Receiver<TaskLine>, log: mpsc::UnboundedSender<LogLine>) {
    tokio::spawn(async move {
        loop {
            match lines.recv().await {
                Ok(line) => {
                    let _nobody_reads = log.send(LogLine {
                        function: line.job,
                        execution: Some(line.execution),
                        entry: process::parse(&line.line),
                    });
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "lines of tasks were lost");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}

fn logging_endpoint(emulators: &Emulators) -> String {
    format!("http://{}", emulators.address())
}
