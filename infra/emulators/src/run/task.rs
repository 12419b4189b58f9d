//! One attempt at a task: a process, and the lines that it writes.

use std::{io, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    sync::{Notify, broadcast},
    time::timeout,
};

use super::job::RunJob;

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

/// An attempt at a task.
pub(super) struct Attempt<'a> {
    pub(super) execution: &'a str,
    pub(super) index: u32,
    /// How many attempts there were before.
    pub(super) tried: u32,
    pub(super) job: &'a RunJob,
}

impl Attempt<'_> {
    /// Runs the process until it ends or is `killed`; returns whether it succeeded.
    pub(super) async fn run(&self, killed: &Notify, lines: &broadcast::Sender<TaskLine>) -> bool {
        let (mut child, stdout) = match self.spawn() {
            Ok(spawned) => spawned,
            Err(error) => {
                tracing::error!(%error, execution = self.execution, "a task cannot be started");
                return false;
            }
        };
        // Held open: a task ends when this closes, so it cannot outlive the emulators.
        let _stdin = child.stdin.take();
        let ended = async {
            let (status, ()) = tokio::join!(child.wait(), self.read(stdout, lines));
            status
        };
        let status = tokio::select! {
            ended = timeout(self.job.timeout, ended) => ended,
            () = killed.notified() => return false,
        };
        matches!(status, Ok(Ok(status)) if status.success())
    }

    fn spawn(&self) -> io::Result<(Child, ChildStdout)> {
        let (program, arguments) = self
            .job
            .command
            .split_first()
            .ok_or(io::ErrorKind::NotFound)?;
        let (job, execution) = self.names();
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&self.job.variables)
            .env("CLOUD_RUN_JOB", job)
            .env("CLOUD_RUN_EXECUTION", execution)
            .env("CLOUD_RUN_TASK_INDEX", self.index.to_string())
            .env("CLOUD_RUN_TASK_ATTEMPT", self.tried.to_string())
            .env("CLOUD_RUN_TASK_COUNT", self.job.tasks.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // A process that is killed or times out is dropped, which must end it.
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, stdout))
    }

    /// The ids of the job and of the execution.
    fn names(&self) -> (&str, &str) {
        let mut ids = self.execution.rsplit('/');
        let execution = ids.next().unwrap_or_default();
        (ids.nth(1).unwrap_or_default(), execution)
    }

    async fn read(&self, stdout: ChildStdout, sender: &broadcast::Sender<TaskLine>) {
        let (job, execution) = self.names();
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let _nobody_listens = sender.send(TaskLine {
                job: job.to_owned(),
                execution: execution.to_owned(),
                index: self.index,
                line,
            });
        }
    }
}
