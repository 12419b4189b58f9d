//! The whole system on one machine: the emulators, the resources of the topology, every function.

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
    policy::POLICY,
    process::{self, LogLine, Process},
    provision, resource_names,
    serve::FUNCTIONS,
    topology::{Topology, bucket_variable},
};

/// Log lines that are kept for [`Stack::log_lines`].
const LINES_MAX: usize = 50_000;

/// How to start a stack.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The binary that runs the functions, by `serve FUNCTION`.
    pub program: PathBuf,
    /// The port of the emulators; 0 picks a free one.
    pub port: u16,
    /// The directory of the state; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// The clock of the emulators and functions.
    pub clock: Clock,
    /// The text of the first policy, in place of [`POLICY`]; a later one is set by `lapidary policy set`.
    pub policy: Option<String>,
    /// Settings of the functions, in place of their defaults.
    pub settings: BTreeMap<String, String>,
}

/// Why a stack cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The emulators cannot start.
    #[error("the emulators cannot start")]
    Emulators(#[from] emulators::Error),
    /// The topology does not parse.
    #[error("infra/topology.json does not parse")]
    Topology(#[from] serde_json::Error),
    /// A resource of the topology cannot be created.
    #[error("a resource cannot be created")]
    Provision(#[from] provision::Error),
    /// A function cannot start.
    #[error("a function cannot start")]
    Function(#[from] process::Error),
}

/// A running stack. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Stack {
    options: StackOptions,
    topology: Topology,
    emulators: Emulators,
    functions: BTreeMap<&'static str, Process>,
    lines: Arc<Mutex<VecDeque<Arc<LogLine>>>>,
    log: mpsc::UnboundedSender<LogLine>,
}

impl Stack {
    /// Starts the emulators, creates the resources of the topology, and starts every function.
    pub async fn start(options: StackOptions) -> Result<Self, Error> {
        let topology = Topology::load()?;
        let emulators = Emulators::start(EmulatorOptions {
            project: resource_names::PROJECT.to_owned(),
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
        // In this order: a function that starts without its bucket or topic fails, and a subscription
        // needs the port that its function chose.
        provision::before_functions(&stack.topology, &stack.environment()).await?;
        let policy = stack.options.policy.as_deref().unwrap_or(POLICY);
        provision::policy(policy, &stack.environment()).await?;
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

    /// The addresses of the emulators, as Google's clients read them, and of the functions.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = self.emulators.environment().into_iter().collect();
        all.extend(buckets(&self.topology));
        all.insert("POLICY_URI".to_owned(), resource_names::policy());
        for (function, process) in &self.functions {
            all.insert(
                resource_names::url_variable(function),
                format!("http://127.0.0.1:{}", process.port),
            );
        }
        all
    }

    /// The topology of the stack.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The clock of the emulators and functions.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// The last lines that the functions logged, the oldest first.
    pub fn log_lines(&self) -> Vec<Arc<LogLine>> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// Kills `function`, as a crash would.
    pub async fn kill(&mut self, function: &str) -> io::Result<()> {
        match self.functions.get_mut(function) {
            Some(process) => process.kill().await,
            None => Err(io::Error::other(format!("no function `{function}`"))),
        }
    }

    /// Stops `function` as Cloud Run does; returns `None` where it had to be killed.
    pub async fn terminate(&mut self, function: &str) -> io::Result<Option<ExitStatus>> {
        match self.functions.get_mut(function) {
            Some(process) => process.stop().await,
            None => Err(io::Error::other(format!("no function `{function}`"))),
        }
    }

    /// Makes `function` stand still, until it is thawed.
    pub fn freeze(&self, function: &str) -> io::Result<()> {
        self.process(function)?.freeze()
    }

    /// Lets `function` go on.
    pub fn thaw(&self, function: &str) -> io::Result<()> {
        self.process(function)?.thaw()
    }

    fn process(&self, function: &str) -> io::Result<&Process> {
        let process = self.functions.get(function);
        process.ok_or_else(|| io::Error::other(format!("no function `{function}`")))
    }

    /// Starts `function` again, on the same port: its push subscriptions have that address.
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

    /// The variables of a process of `function` that calls the emulators as `listener`.
    fn variables(&self, listener: &str, function: &str) -> BTreeMap<String, String> {
        let listener = self.emulators.environment_for(listener);
        let addresses = listener.unwrap_or_else(|| self.emulators.environment());
        let mut variables: BTreeMap<String, String> = addresses.into_iter().collect();
        variables.extend(buckets(&self.topology));
        variables.extend([
            ("POLICY_URI".to_owned(), resource_names::policy()),
            ("HOST".to_owned(), "127.0.0.1".to_owned()),
            ("WORKERS".to_owned(), "1".to_owned()),
            // On a laptop, people and programs have no tokens, but the emulated Pub/Sub has.
            ("PUSH_AUTH".to_owned(), "verify".to_owned()),
            ("PROGRAM_AUTH".to_owned(), "off".to_owned()),
            ("PEOPLE_AUTH".to_owned(), "off".to_owned()),
            (
                "PUSH_AUDIENCE".to_owned(),
                resource_names::audience(function),
            ),
            (
                "PUSH_EMAIL".to_owned(),
                resource_names::push_account(function),
            ),
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
        .map(|content| (bucket_variable(content), resource_names::bucket(content)))
}

/// `CLEAN_JOB=projects/…/jobs/clean-large`.
fn jobs(topology: &Topology) -> impl Iterator<Item = (String, String)> {
    topology
        .jobs
        .iter()
        .map(|(name, job)| (job.variable(), resource_names::job(name)))
}

/// Forwards the lines of tasks to the log of the functions.
fn forward_tasks(mut lines: broadcast::Receiver<TaskLine>, log: mpsc::UnboundedSender<LogLine>) {
    tokio::spawn(async move {
        loop {
            match lines.recv().await {
                Ok(line) => {
                    let _stack_is_gone = log.send(LogLine {
                        function: line.job,
                        execution: Some(line.execution),
                        entry: process::parse(&line.line),
                    });
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "log lines of tasks were lost");
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}

fn logging_endpoint(emulators: &Emulators) -> String {
    format!("http://{}", emulators.address())
}
