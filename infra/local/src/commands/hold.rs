//! `lapidary hold`: keeps functions from moving a model's route, until a person lifts it.

use std::process::ExitCode;

use shared::{id::DatasetName, route::change::RouteChange};

use super::route_change;
use crate::{arguments::PersonArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A rollback sets a hold too. While there is one, the gate promotes nothing.

Examples:
  lapidary hold support --why 'until the launch'
  lapidary hold support --lift")]
pub(crate) struct Args {
    /// The name under which the model is served.
    model: DatasetName,
    /// Lifts the hold.
    #[arg(long)]
    lift: bool,
    /// The reason.
    #[arg(long, alias = "reason", value_name = "TEXT", default_value = "by hand")]
    why: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.person.stack.env_file).await?;
    let model = &args.model;
    let change = if args.lift {
        RouteChange::Lift
    } else {
        RouteChange::Hold
    };
    route_change::change(&session, model, &change, &args.person.by, &args.why).await?;
    output::write(&if args.lift {
        format!("lifted the hold on `{model}`: the next promoted run moves its route\n")
    } else {
        format!("held `{model}`: no run is promoted until the hold is lifted\n")
    })?;
    Ok(ExitCode::SUCCESS)
}
