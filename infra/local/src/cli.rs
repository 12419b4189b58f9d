//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use shared::error::Chain;

use crate::{commands, output, serve, session};

/// Fine-tune Gemini by event: the whole system on a laptop, without any cloud.
///
/// Vertex AI is simulated here: no model is trained and nothing is billed.
#[derive(Debug, Parser)]
#[command(name = "lapidary", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  lapidary demo                                  the whole chain, in under a minute
  lapidary up &                                  the system, until it is stopped
  lapidary drop rows.jsonl --dataset tickets     upload rows, as a person would
  lapidary runs                                  what became of them
  lapidary check rows.jsonl                      what would become of them, offline
  lapidary datasets diff monday friday           what changed between two cleaned states
  lapidary doctor --project acme-prod            what is missing in Google Cloud

Exit codes:
  0  done; `check`: every row can be trained on; `datasets diff`: the same rows
  1  it failed, or `check`: some rows are rejected, or `datasets diff`: rows differ,
     or `doctor`: something is missing
  2  wrong usage, or `check`, `datasets diff`: nothing in a file can be used,
     or `doctor`: nothing could be looked at";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the whole chain on sample rows, or on FILES, and shows each step.
    Demo(commands::demo::Args),
    /// Starts the system and keeps it up until it is stopped.
    Up(commands::up::Args),
    /// Says what is missing of a stack or a project in Google Cloud, and what to do about it.
    Doctor(commands::doctor::Args),
    /// Uploads a file to a stack that is up.
    Drop(commands::drop::Args),
    /// Lists runs.
    Runs(commands::runs::Args),
    /// Shows everything about one run.
    Show(commands::show::Args),
    /// Follows one run until it ends.
    Watch(commands::watch::Args),
    /// Lets a run go ahead that costs more than its budget.
    Approve(commands::approve::Args),
    /// Takes a model's route one step back.
    Rollback(commands::rollback::Args),
    /// Says what is wrong with files, offline.
    Check(commands::check::Args),
    /// Cleans a file as the function would, offline.
    Clean(commands::clean::Args),
    /// Compares versions of a dataset.
    Datasets(commands::datasets::Args),
    /// Runs one function in this process.
    #[command(hide = true)]
    Serve {
        /// Its name.
        function: String,
    },
    /// Runs one task of a function's job in this process.
    #[command(hide = true)]
    Task {
        /// The function's name.
        function: String,
    },
}

/// Where the addresses of a stack are.
#[derive(Debug, clap::Args)]
pub(crate) struct StackArgs {
    /// The file of addresses that `lapidary up` wrote.
    #[arg(long, value_name = "PATH", default_value = session::ENV_FILE)]
    pub(crate) env_file: PathBuf,
}

/// How a command ends when it does not fail.
pub(crate) type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

/// Parses the command line and runs the command.
///
/// Not `async`, so that its code is generated here, once, and not in each binary that calls it.
pub fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(command(Cli::parse().command)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            output::complain(&Chain(&*error).to_string());
            ExitCode::FAILURE
        }
    }
}

async fn command(command: Command) -> Outcome {
    match command {
        Command::Demo(args) => commands::demo::run(args).await,
        Command::Up(args) => commands::up::run(args).await,
        Command::Doctor(args) => commands::doctor::run(args).await,
        Command::Drop(args) => commands::drop::run(args).await,
        Command::Runs(args) => commands::runs::run(args).await,
        Command::Show(args) => commands::show::run(args).await,
        Command::Watch(args) => commands::watch::run(args).await,
        Command::Approve(args) => commands::approve::run(args).await,
        Command::Rollback(args) => commands::rollback::run(args).await,
        Command::Check(args) => commands::check::run(&args),
        Command::Clean(args) => Ok(commands::clean::run(&args)),
        Command::Datasets(args) => commands::datasets::run(args).await,
        Command::Serve { function } => serve::serve(&function).await,
        Command::Task { function } => serve::task(&function).await,
    }
}
