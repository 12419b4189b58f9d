//! `lapidary datasets accept`: a version that waits for a person goes on.

use std::process::ExitCode;

use shared::{dataset::Version, event::DatasetCleaned, google::documents::Write, id::VersionId};

use crate::{arguments::PersonArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A version waits if most of its rows were left out or share a grave finding, or if too few are left to
judge a model by: see its note in `lapidary runs`. Who accepted it, and why, is kept with the version.

Example:
  lapidary datasets accept tickets-3f2k9x1m4q7a --why 'the rejected rows are of another team'")]
pub(crate) struct AcceptArgs {
    /// The version.
    version: VersionId,
    /// The reason.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
pub(super) async fn run(args: AcceptArgs) -> CommandResult {
    let session = Session::open(&args.person.stack.env_file).await?;
    let id = &args.version;
    let stored = session.documents.get::<Version>(id.as_str()).await?;
    let stored =
        stored.ok_or_else(|| format!("no version `{id}`: find its id with `lapidary show RUN`"))?;
    let mut version = stored.value.clone();
    version.accept(&args.person.by, &args.why, session.clock.now())?;
    if version != stored.value {
        let replaced = session.documents.replace(id.as_str(), &stored, &version);
        if replaced.await? == Write::Lost {
            return Err(format!("version {id} changed at the same time: try again").into());
        }
    }
    // After the write, and each time: if the process ended in between, asking again publishes it.
    let cleaned = DatasetCleaned {
        version: id.clone(),
    };
    session.events.publish(&cleaned).await?;
    output::write(&format!("accepted {id}: its run is planned now\n"))?;
    Ok(ExitCode::SUCCESS)
}
