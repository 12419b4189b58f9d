//! `lapidary approve`: approves a run whose price is above its budget.

use std::process::ExitCode;

use crate::{arguments::RunChangeArgs, commands::change, exit::CommandResult, output};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  lapidary approve tickets-3f2k9x1m4q7a-b5c8d1e9f0 --why 'for the release'"
)]
pub(crate) struct Args {
    #[command(flatten)]
    change: RunChangeArgs,
}

/// Runs the command.
pub(crate) async fn run(Args { change: args }: Args) -> CommandResult {
    let approved = change::write(&args, |run, at| {
        run.approve(&args.person.by, &args.why, at)
            .map_err(|refusal| format!("run {}: {refusal}", run.id))
    });
    let run = approved.await?;
    let price = run.estimate.price();
    output::write(&format!("approved {}: about {price}\n", run.id))?;
    Ok(ExitCode::SUCCESS)
}
