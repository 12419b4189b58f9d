//! `lapidary hold`: keeps functions from moving a model's route, until a person lifts it.

use std::process::ExitCode;

use shared::{id::DatasetName, route};

use super::route_change;
use crate::{arguments::StackArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A rollback sets a hold too. While there is one, the gate promotes nothing.

Examples:
  lapidary hold support --reason 'until the launch'
  lapidary hold support --lift")]
pub(crate) struct Args {
    /// The name under which the model is served.
    model: DatasetName,
    /// Lift the hold instead.
    #[arg(long)]
    lift: bool,
    /// The reason.
    #[arg(long, value_name = "TEXT", default_value = "held by hand")]
    reason: String,
    /// The person who asks for it.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "cli")]
    by: String,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let model = &args.model;
    let now = session.clock.now();
    route_change::change(&session, model, |route| {
        Ok(if args.lift {
            route::lifted(route)
        } else {
            route::held(route, &args.by, &args.reason, now)
        })
    })
    .await?;
    output::write(&if args.lift {
        format!("lifted the hold on `{model}`: the next promoted run moves its route\n")
    } else {
        format!("held `{model}`: no run is promoted until the hold is lifted\n")
    })?;
    Ok(ExitCode::SUCCESS)
}
