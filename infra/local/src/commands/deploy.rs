//! `lapidary deploy`: has the gate decide about a run, again where it has decided before.

use std::process::ExitCode;

use shared::{
    evaluation::EvaluationRecord, event::RunEvaluated, google::documents::Write, id::RunId,
    route::GateDecision, run::Run,
};

use crate::{arguments::PersonArgs, exit::CommandResult, output, session::Session};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The gate looks at the evaluation of the run and at the model that serves now. It does not pass over a hold:
see `lapidary hold`. With this command, an older run may replace a newer one.

Example:
  lapidary deploy tickets-3f2k9x1m4q7a-b5c8d1e9f0")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    #[command(flatten)]
    person: PersonArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.person.stack.env_file).await?;
    let id = &args.run;
    let documents = &session.documents;
    if documents.get::<Run>(id.as_str()).await?.is_none() {
        return Err(format!("no run `{id}`: list the runs with `lapidary runs`").into());
    }
    if documents
        .get::<EvaluationRecord>(id.as_str())
        .await?
        .is_none()
    {
        return Err(
            format!("run {id} is not evaluated: the gate decides by its evaluation").into(),
        );
    }
    if let Some(stored) = documents.get::<GateDecision>(id.as_str()).await? {
        let reopened = GateDecision {
            reopened_by: Some(args.person.by),
            ..stored.value.clone()
        };
        let write = documents.replace(id.as_str(), &stored, &reopened).await?;
        if write == Write::Lost {
            return Err(format!("the decision on {id} changed at the same time: try again").into());
        }
    }
    session
        .events
        .publish(&RunEvaluated { run: id.clone() })
        .await?;
    output::write(&format!(
        "the gate decides about {id}: see `lapidary show {id}`\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}
