//! `lapidary refuse`, `lapidary cancel`, `lapidary retry`: what a person may do to a run.

use std::{error::Error, process::ExitCode};

use chrono::{DateTime, Utc};
use shared::{
    event::RunApproved,
    google::documents::Write,
    run::{Run, State},
    run_change::RunChange,
};

use crate::{arguments::RunChangeArgs, exit::CommandResult, output, session::Session};

/// Attempts at writing a change while functions write the run.
const ATTEMPTS_MAX: usize = 10;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Who and why are kept in the history of the run: see `lapidary show`.

Examples:
  lapidary refuse tickets-3f2k9x1m4q7a-b5c8d1e9f0 --why 'too expensive for a trial'
  lapidary retry tickets-3f2k9x1m4q7a-b5c8d1e9f0 --why 'the service had an outage'
  lapidary cancel tickets-3f2k9x1m4q7a-b5c8d1e9f0 --why 'the rows are of last year'")]
pub(crate) struct Args {
    #[command(flatten)]
    change: RunChangeArgs,
}

/// Runs the command that makes `change`.
pub(crate) async fn run(change: RunChange, Args { change: args }: Args) -> CommandResult {
    let run = write(&args, |run, at| {
        change.apply(run, &args.person.by, &args.why, at)
    });
    output::write(&format!("{}\n", describe(&run.await?)))?;
    Ok(ExitCode::SUCCESS)
}

/// Makes `change` to a run, in the documents, and gives the run as it is then. Another writer may be faster, as
/// `watch` is once a minute: then it is made to what that one wrote.
pub(crate) async fn write(
    args: &RunChangeArgs,
    change: impl Fn(&mut Run, DateTime<Utc>) -> Result<(), String>,
) -> Result<Run, Box<dyn Error>> {
    let session = Session::open(&args.person.stack.env_file).await?;
    let id = &args.run;
    for _attempt in 0..ATTEMPTS_MAX {
        let stored = session.documents.get::<Run>(id.as_str()).await?;
        let stored =
            stored.ok_or_else(|| format!("no run `{id}`: list the runs with `lapidary runs`"))?;
        let mut run = stored.value.clone();
        change(&mut run, session.clock.now())?;
        let replaced = session.documents.replace(id.as_str(), &stored, &run);
        match replaced.await? {
            Write::Done => {
                publish_queued(&session, &run).await?;
                return Ok(run);
            }
            Write::Lost => {}
        }
    }
    Err(format!("run {id} changed with each of {ATTEMPTS_MAX} attempts: try again").into())
}

/// After the write: on the event, `tune` must find the run queued. If the process ends in between, `watch`
/// publishes the event again.
async fn publish_queued(session: &Session, run: &Run) -> Result<(), Box<dyn Error>> {
    if run.state == State::Queued {
        let approved = RunApproved {
            run: run.id.clone(),
        };
        session.events.publish(&approved).await?;
    }
    Ok(())
}

/// What follows from the change.
fn describe(run: &Run) -> String {
    let Run { id, attempt, .. } = run;
    match run.state {
        State::Queued => format!("{id} is queued again, as attempt {attempt}"),
        State::AwaitingApproval => {
            format!("{id} awaits approval again, as attempt {attempt}: see `lapidary approve`")
        }
        State::Stopping => {
            format!("{id} is being stopped: watch asks its job to stop until it has ended")
        }
        State::Running | State::Succeeded | State::Failed | State::Cancelled => {
            format!("{id} is {}", run.state.as_str())
        }
    }
}
