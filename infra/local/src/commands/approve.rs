//! `lapidary approve`: lets a run go ahead that costs more than its budget.

use std::process::ExitCode;

use shared::{event::RunApproved, google::documents::Write, id::RunId, run::Run};

use crate::{
    cli::{Outcome, StackArgs},
    output,
    session::Session,
    text,
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lapidary approve tickets-3f2k9x1m4q7a-b5c8d1e9f0")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    /// Who says so; kept in the run's history.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "cli")]
    by: String,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let session = Session::open(&args.stack.env_file).await?;
    let id = &args.run;
    let stored = session.documents.get::<Run>(id.as_str()).await?;
    let stored = stored.ok_or_else(|| format!("no run `{id}`: see `lapidary runs`"))?;
    let mut run = stored.value.clone();
    if !run.approve(&args.by, session.clock.now()) {
        let stands = run.state.as_str();
        return Err(format!("run {id} is {stands}: only awaiting_approval can be approved").into());
    }
    if session
        .documents
        .replace(id.as_str(), &stored, &run)
        .await?
        == Write::Lost
    {
        return Err(format!("run {id} changed meanwhile: try again").into());
    }
    session
        .events
        .publish(&RunApproved { run: id.clone() })
        .await?;
    output::write(&format!(
        "approved {id}: about {}\n",
        text::usd(run.estimate.usd)
    ))?;
    Ok(ExitCode::SUCCESS)
}
