//! `lapidary evaluate`: the verdict on a run's model; has its models asked again where they could not be asked, or asked
//! more rows.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::ExitCode,
};

use evaluate::{
    report::{self, ReportFormat},
    sample::ROWS_MAX,
};
use shared::{
    dataset::Version,
    error::Error,
    evaluation::{EvaluationRecord, Pending, Verdict},
    event::RunFinished,
    google::documents::{Stored, Write},
    id::RunId,
    run::{Run, State},
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
  lapidary evaluate tickets-3f2k9x1m4q7a-b5c8d1e9f0 --rows 200
  lapidary evaluate tickets-3f2k9x1m4q7a-b5c8d1e9f0 --report evaluation.html")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    /// Retry the models that gave no answer.
    #[arg(long)]
    again: bool,
    /// Ask N more held-out rows, where the verdict is cannot tell or not worse. Their evidence must be five times as strong.
    #[arg(long, value_name = "N", conflicts_with = "again")]
    rows: Option<NonZeroU32>,
    /// Exit with the verdict's code, for CI.
    #[arg(long, conflicts_with_all = ["again", "rows"])]
    gate: bool,
    /// Write the report of the evaluation to FILE: Markdown (.md) or a page with plots (.html).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["again", "rows"])]
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
        if run.value.state != State::Succeeded && run.value.chosen.is_none() {
            let state = run.value.state.as_str();
            return Err(
                format!("run {id} is {state} without a model: nothing can be evaluated").into(),
            );
        }
        again(&session, id).await?;
        output::write(&format!("the models of {id} are asked again\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(stored) = documents.get::<EvaluationRecord>(id.as_str()).await? else {
        return Err(format!("run {id} is not evaluated").into());
    };
    if let Some(rows) = args.rows {
        let rows = add_rows(&session, &run.value, &stored, rows.get().into()).await?;
        output::write(&format!("the models of {id} are asked {rows} more rows\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let record = stored.value;
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
        replace(session, &stored, &record).await?;
    }
    let finished = RunFinished { run: id.clone() };
    session.events.publish(&finished).await?;
    Ok(())
}

/// Has `rows` more rows asked, or as many as there are, and says how many.
async fn add_rows(
    session: &Session,
    run: &Run,
    stored: &Stored<EvaluationRecord>,
    rows: u64,
) -> Result<u64, Box<dyn std::error::Error>> {
    let (id, evaluation) = (&run.id, &stored.value.evaluation);
    let version = session.documents.get::<Version>(run.version.as_str());
    let version = version.await?;
    let held_out = version.and_then(|version| Some(version.value.parts.get("eval")?.rows));
    let most = held_out.unwrap_or(0).min(ROWS_MAX as u64);
    let rows = rows.min(most.saturating_sub(evaluation.planned));
    if rows == 0 {
        let asked = evaluation.planned;
        return Err(
            format!("run {id} has no more held-out rows than the {asked} of its plan").into(),
        );
    }
    let Some(more) = stored.value.with_more_rows(rows, session.clock.now()) else {
        let reason = &evaluation.reason;
        return Err(format!("more rows change nothing about {id}: {reason}").into());
    };
    replace(session, stored, &more).await?;
    let finished = RunFinished { run: id.clone() };
    session.events.publish(&finished).await?;
    Ok(rows)
}

async fn replace(
    session: &Session,
    stored: &Stored<EvaluationRecord>,
    record: &EvaluationRecord,
) -> Result<(), Error> {
    let documents = &session.documents;
    match documents
        .replace(record.run.as_str(), stored, record)
        .await?
    {
        Write::Lost => {
            let busy = "the evaluation changed at the same time: try again";
            Err(Error::Refused(busy.to_owned()))
        }
        Write::Done => Ok(()),
    }
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
