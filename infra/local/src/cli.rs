//! The command line: the list of commands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::{error::Chain, run_change::RunChange};

use crate::{commands, exit::CommandResult, output, serve};

/// Event-driven fine-tuning of Gemini: the whole system on one machine, without any cloud.
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
  lapidary demo                                  run the whole chain, in under a minute
  lapidary up &                                  start the system in the background
  lapidary drop rows.jsonl --dataset tickets     upload rows
  lapidary runs                                  list the runs that followed
  lapidary check rows.jsonl                      check rows offline, before an upload
  lapidary datasets diff monday friday           compare two cleaned versions
  lapidary datasets accept VERSION               go on with rows that wait for a person
  lapidary score --help                          compare files of predictions offline
  lapidary doctor --project acme-prod            find what is missing in Google Cloud

Exit codes:
  0  success; `check`: every row can be trained on; `datasets diff`: the rows are the same;
     `score`, `evaluate --gate`: better or not worse
  1  failure; `check`: some rows are rejected; `datasets diff`: the rows differ;
     `doctor`: something is missing; `score`, `evaluate --gate`: worse
  2  wrong usage; `check`, `datasets diff`: a file has no usable rows;
     `doctor`: the project or stack cannot be inspected; `score`: a file cannot be used;
     `evaluate --gate`: the verdict cannot be read
  3  `score`, `evaluate --gate`: cannot tell";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the whole chain on example rows, or on FILES, and shows each step.
    Demo(commands::demo::Args),
    /// Starts the system and keeps it running until it is stopped.
    Up(commands::up::Args),
    /// Prints the addresses of a running stack, for a shell or a program.
    Env(commands::env::Args),
    /// Finds what is missing in a stack or a Google Cloud project, and how to fix it.
    Doctor(commands::doctor::Args),
    /// Uploads a file to a running stack.
    Drop(commands::drop::Args),
    /// Lists runs.
    Runs(commands::runs::Args),
    /// Shows everything about one run.
    Show(commands::show::Args),
    /// Shows what led from an upload to a route: times, names, and who.
    Trace(commands::trace::Args),
    /// Follows one run until it ends.
    Watch(commands::watch::Args),
    /// Approves a run whose price is above its budget.
    Approve(commands::approve::Args),
    /// Refuses the price of a run that awaits approval.
    Refuse(commands::change::Args),
    /// Cancels a run: it ends, or its job is asked to stop.
    Cancel(commands::change::Args),
    /// Tries a run again that ended without a model.
    Retry(commands::change::Args),
    /// Plans the successor of a model whose base model retires.
    Retune(commands::retune::Args),
    /// Shows the verdict on a run's model, or asks again those that could not be asked.
    Evaluate(commands::evaluate::Args),
    /// Shows, checks or sets the policy: who may spend and deploy what.
    Policy(commands::policy::Args),
    /// Shows what tuning has cost, and may still cost, this month.
    Spend(commands::spend::Args),
    /// Has the gate decide about a run, again where it has decided before.
    Deploy(commands::deploy::Args),
    /// Shows how a canary stands; pauses, resumes, promotes or cancels it.
    Canary(commands::canary::Args),
    /// Keeps functions from moving a model's route, until a person lifts it.
    Hold(commands::hold::Args),
    /// Sends a model's route back, by one step or to a run.
    Rollback(commands::rollback::Args),
    /// Checks files offline: findings, tokens and price.
    Check(commands::check::Args),
    /// Scores predictions offline, and compares models.
    Score(commands::score::Args),
    /// Cleans a file offline, exactly as the function `clean` does.
    Clean(commands::clean::Args),
    /// Compares versions of a dataset, or accepts one that waits for a person.
    Datasets(commands::datasets::Args),
    /// Runs one function in this process.
    #[command(hide = true)]
    Serve {
        /// The name of the function.
        function: String,
    },
    /// Runs one task of a function's job in this process.
    #[command(hide = true)]
    Task {
        /// The name of the function.
        function: String,
    },
}

/// Parses the command line and runs the command.
///
/// Not `async`, so that its code is generated here, once, and not in each binary that calls it.
pub fn run() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(Cli::parse().command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::print_error(&Chain(&*error).to_string());
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> CommandResult {
    match command {
        Command::Demo(args) => commands::demo::run(args).await,
        Command::Up(args) => commands::up::run(args).await,
        Command::Env(args) => commands::env::run(&args),
        Command::Doctor(args) => commands::doctor::run(args).await,
        Command::Drop(args) => commands::drop::run(args).await,
        Command::Runs(args) => commands::runs::run(args).await,
        Command::Show(args) => commands::show::run(args).await,
        Command::Trace(args) => commands::trace::run(args).await,
        Command::Watch(args) => commands::watch::run(args).await,
        Command::Approve(args) => commands::approve::run(args).await,
        Command::Refuse(args) => commands::change::run(RunChange::Refuse, args).await,
        Command::Cancel(args) => commands::change::run(RunChange::Cancel, args).await,
        Command::Retry(args) => commands::change::run(RunChange::Retry, args).await,
        Command::Retune(args) => commands::retune::run(args).await,
        Command::Evaluate(args) => commands::evaluate::run(args).await,
        Command::Policy(args) => commands::policy::run(args).await,
        Command::Spend(args) => commands::spend::run(args).await,
        Command::Deploy(args) => commands::deploy::run(args).await,
        Command::Canary(args) => commands::canary::run(args).await,
        Command::Hold(args) => commands::hold::run(args).await,
        Command::Rollback(args) => commands::rollback::run(args).await,
        Command::Check(args) => commands::check::run(&args),
        Command::Score(args) => commands::score::run(&args),
        Command::Clean(args) => Ok(commands::clean::run(&args)),
        Command::Datasets(args) => commands::datasets::run(args).await,
        Command::Serve { function } => serve::serve(&function).await,
        Command::Task { function } => serve::task(&function).await,
    }
}
