//! `lapidary watch`: follows one run until it ends.

use std::{process::ExitCode, time::Duration};

use shared::{
    id::RunId,
    run::{Run, State},
};

use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output,
    screen::Screen,
    session::Session,
    timeline::{
        ChainSnapshot, Ending,
        follower::{self, Watchdog},
        reader::Subject,
        render, summary,
    },
};

/// Longest time without a change: no limit, since a wait for quota can take days.
const QUIET_MAX: Duration = Duration::MAX;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run that succeeds is followed until the gate has decided. Ctrl-C stops only the command, not the
run.

Example:
  lapidary watch tickets-3f2k9x1m4q7a-b5c8d1e9f0

Exit codes:
  0  the run succeeded
  1  the run failed or was stopped")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let id = &args.run;
    if session.documents.get::<Run>(id.as_str()).await?.is_none() {
        return Err(format!("no run `{id}`: list the runs with `lapidary runs`").into());
    }
    let subject = Subject::Run(id.clone());
    let (screen, watchdog) = (Screen::new(), Watchdog::new(QUIET_MAX));
    let name = id.as_str();
    let end = follower::follow(&session, &subject, name, &screen, &watchdog, is_over).await?;
    output::write(&format!("\n{}", render(&summary(&end))))?;
    Ok(exit_code(&end))
}

/// A run that awaits approval is not over here: it may be approved while it is watched.
fn is_over(snapshot: &ChainSnapshot) -> bool {
    match snapshot.ending() {
        None | Some(Ending::AwaitsReview | Ending::AwaitsApproval) => false,
        Some(Ending::Unusable | Ending::Failed | Ending::Stopped | Ending::Decided) => true,
    }
}

fn exit_code(end: &ChainSnapshot) -> ExitCode {
    match end.run.as_ref().map(|run| run.state) {
        Some(State::Succeeded) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    #[test]
    fn a_run_is_watched_through_its_approval() {
        assert!(!is_over(&samples::with_state("awaiting_approval")));
        assert!(!is_over(&samples::running()));
        assert!(!is_over(&samples::with_state("succeeded")));
        assert!(is_over(&samples::promoted()));
        assert!(is_over(&samples::stopped()));
    }
}
