//! `lapidary hold`: keeps functions from moving a model's route, until a person lifts it.

use std::process::ExitCode;

use shared::{
    google::documents::Write,
    id::DatasetName,
    route::{self, Route},
};

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
    let stored = session.documents.get::<Route>(model.as_str()).await?;
    let stored = stored.ok_or_else(|| {
        format!("no route for model `{model}`: list the runs with `lapidary runs`")
    })?;
    let before = stored.value.clone();
    let (after, done) = if args.lift {
        let done = format!("lifted the hold on `{model}`: the next promoted run moves its route\n");
        (route::lifted(before), done)
    } else {
        let done = format!("held `{model}`: no run is promoted until the hold is lifted\n");
        let now = session.clock.now();
        (route::held(before, &args.by, &args.reason, now), done)
    };
    let write = session.documents.replace(model.as_str(), &stored, &after);
    if write.await? == Write::Lost {
        return Err(format!("the route of `{model}` changed at the same time: try again").into());
    }
    output::write(&done)?;
    Ok(ExitCode::SUCCESS)
}
