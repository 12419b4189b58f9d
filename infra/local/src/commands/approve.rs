//! `lapidary approve`: approves a run whose price is above its budget.

use std::process::ExitCode;

use shared::{event::RunApproved, google::documents::Write, id::RunId, run::Run};

use crate::{arguments::StackArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lapidary approve tickets-3f2k9x1m4q7a-b5c8d1e9f0 --why 'for the release'"
)]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    /// Why; kept with the approval, and in the run's history.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// The person who approves; kept in the run's history.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "cli")]
    by: String,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let id = &args.run;
    let stored = session.documents.get::<Run>(id.as_str()).await?;
    let stored =
        stored.ok_or_else(|| format!("no run `{id}`: list the runs with `lapidary runs`"))?;
    let mut run = stored.value.clone();
    run.approve(&args.by, &args.why, session.clock.now())
        .map_err(|refusal| format!("run {id}: {refusal}"))?;
    if session
        .documents
        .replace(id.as_str(), &stored, &run)
        .await?
        == Write::Lost
    {
        return Err(format!("run {id} changed at the same time: try again").into());
    }
    // After the write: on the event, `tune` must find the approval. If the process ends in between,
    // `watch` publishes the event again.
    session
        .events
        .publish(&RunApproved { run: id.clone() })
        .await?;
    output::write(&format!("approved {id}: about {}\n", run.estimate.price()))?;
    Ok(ExitCode::SUCCESS)
}
