//! `lapidary evaluate`: the verdict on a run's model; asks its models again where they could not be asked.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use evaluate::report::{self, ReportFormat};
use shared::{
    error::Error,
    evaluation::{EvaluationRecord, Pending, Verdict},
    event::RunFinished,
    google::documents::Write,
    id::RunId,
    run::Run,
};

use crate::{
    arguments::StackArgs,
    exit::{self, CommandResult},
    output,
    session::Session,
};

/// The exit code of `--gate` for a model that is worse.
const WORSE: u8 = 1;
/// The exit code of `--gate` where one cannot tell.
const CANNOT_TELL: u8 = 3;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes with --gate:
  0  better, or not worse
  1  worse, or ruled out
  2  the verdict cannot be read: no such run, none yet, no running system
  3  cannot tell, or undecided since a model could not be asked

Example:
  lapidary evaluate tickets-3f2k9x1m4q7a-b5c8d1e9f0 --again
  lapidary evaluate tickets-3f2k9x1m4q7a-b5c8d1e9f0 --report evaluation.html")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    /// Retry the models that gave no answer.
    #[arg(long)]
    again: bool,
    /// Exit with the verdict's code, for CI.
    #[arg(long, conflicts_with = "again")]
    gate: bool,
    /// Write the report of the evaluation to FILE: Markdown (.md) or a page with plots (.html).
    #[arg(long, value_name = "FILE", conflicts_with = "again")]
    report: Option<PathBuf>,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let is_gate = args.gate;
    match evaluate(args).await {
        // CI must not take an outage for a model that is worse.
        Err(error) if is_gate => Ok(exit::unusable(&*error)),
        result => result,
    }
}

async fn evaluate(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let id = &args.run;
    let documents = &session.documents;
    let Some(run) = documents.get::<Run>(id.as_str()).await? else {
        return Err(format!("no run `{id}`: list the runs with `lapidary runs`").into());
    };
    if args.again {
        if !run.value.state.is_final() {
            let state = run.value.state.as_str();
            return Err(format!("run {id} is {state}: it is evaluated when it has ended").into());
        }
        again(&session, id).await?;
        output::write(&format!("the models of {id} are asked again\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(record) = documents.get::<EvaluationRecord>(id.as_str()).await? else {
        return Err(format!("run {id} is not evaluated").into());
    };
    let record = record.value;
    output::write(&format!("{id}: {}\n", record.evaluation.reason))?;
    if let Some(file) = &args.report {
        write_report(&record, file)?;
    }
    if args.gate {
        return Ok(code(&record.evaluation.verdict).into());
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes an undecided evaluation due, and publishes the end of its run again. If the process ends in between,
/// `watch` publishes it within a minute.
async fn again(session: &Session, id: &RunId) -> Result<(), Box<dyn std::error::Error>> {
    let stored = session
        .documents
        .get::<EvaluationRecord>(id.as_str())
        .await?;
    if let Some(stored) = stored {
        let mut record = stored.value.clone();
        if record.decided {
            let reason = &record.evaluation.reason;
            return Err(format!("run {id} is evaluated: {reason}").into());
        }
        let now = session.clock.now();
        record.pending = record.pending.map(|pending| Pending {
            next_try_at: now,
            ..pending
        });
        let write = session.documents.replace(id.as_str(), &stored, &record);
        if write.await? == Write::Lost {
            let busy = "the evaluation changed at the same time: try again";
            return Err(Error::Refused(busy.to_owned()).into());
        }
    }
    let finished = RunFinished { run: id.clone() };
    session.events.publish(&finished).await?;
    Ok(())
}

fn write_report(record: &EvaluationRecord, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let name = file.to_string_lossy();
    let format =
        ReportFormat::of_file(&name).ok_or_else(|| format!("`{name}` must end in .md or .html"))?;
    std::fs::write(file, report::write(record, format))
        .map_err(|error| format!("cannot write `{name}`: {error}"))?;
    output::write(&format!("wrote {name}\n"))?;
    Ok(())
}

fn code(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Better | Verdict::NotWorse => 0,
        Verdict::Worse | Verdict::RuledOut => WORSE,
        Verdict::CannotTell | Verdict::Undecided | Verdict::Other(_) => CANNOT_TELL,
    }
}
