//! `lapidary watch`: follows one run until it ends.

use std::{process::ExitCode, time::Duration};

use shared::{
    id::RunId,
    run::{Run, State},
};

use crate::{
    cli::{Outcome, StackArgs},
    output,
    session::Session,
    story::{
        Ending, Snapshot, account,
        follow::{self, Pulse},
        read::Subject,
        render,
        screen::Screen,
    },
};

/// How long nothing may change: a person watches, and waits for a quota may take days.
const QUIET_MAX: Duration = Duration::MAX;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run that succeeded is followed until the gate has decided. Stop watching with Ctrl-C: the run
goes on.

Example:
  lapidary watch tickets-3f2k9x1m4q7a-b5c8d1e9f0

Exit codes:
  0  it succeeded
  1  it failed or was stopped")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let session = Session::open(&args.stack.env_file).await?;
    let id = &args.run;
    if session.documents.get::<Run>(id.as_str()).await?.is_none() {
        return Err(format!("no run `{id}`: see `lapidary runs`").into());
    }
    let subject = Subject::Run(id.clone());
    let (screen, pulse) = (Screen::new(), Pulse::new(QUIET_MAX));
    let name = id.as_str();
    let end = follow::follow(&session, &subject, name, &screen, &pulse, is_over).await?;
    output::write(&format!("\n{}", render(&account(&end))))?;
    Ok(exit_code(&end))
}

/// A price is no end here: somebody may approve it meanwhile.
fn is_over(snapshot: &Snapshot) -> bool {
    match snapshot.ending() {
        None | Some(Ending::AwaitsApproval) => false,
        Some(Ending::Unusable | Ending::Failed | Ending::Stopped | Ending::Decided) => true,
    }
}

fn exit_code(end: &Snapshot) -> ExitCode {
    match end.run.as_ref().map(|run| run.state) {
        Some(State::Succeeded) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::samples;

    #[test]
    fn a_run_is_watched_through_its_approval() {
        assert!(!is_over(&samples::with_state("awaiting_approval")));
        assert!(!is_over(&samples::running()));
        assert!(!is_over(&samples::with_state("succeeded")));
        assert!(is_over(&samples::promoted()));
        assert!(is_over(&samples::stopped()));
    }
}
