//! `lapidary trace`: everything that led from an uploaded object to a route, with times and who.

mod steps;

use std::process::ExitCode;

use shared::{dataset::Upload, event::ObjectFinalized, id::RunId, job_ledger::JobEntry};

use self::steps::{TraceFacts, TraceStep, steps};
use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output,
    session::Session,
    table::{Align, TextTable},
    text,
    timeline::{
        ChainSnapshot,
        reader::{self, Subject},
    },
};

/// Longest note that is shown, in characters.
const NOTE_MAX: usize = 160;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
From the uploaded generation to the version, the run, its jobs, the evaluation, the decision and the
route; who did what, and when.

Examples:
  lapidary trace tickets-3f2k9x1m4q7a-b5c8d1e9f0
  lapidary trace tickets-3f2k9x1m4q7a-b5c8d1e9f0 --json | jq -r '.[] | [.at, .what, .by] | @tsv'")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    /// Prints the steps as a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let subject = Subject::Run(args.run.clone());
    let chain = Box::pin(reader::snapshot(
        &session,
        &subject,
        &ChainSnapshot::default(),
    ))
    .await?;
    if chain.run.is_none() {
        return Err(format!("no run `{}`: list the runs with `lapidary runs`", args.run).into());
    }
    let documents = &session.documents;
    let upload = match &chain.version {
        Some(version) => {
            let artifact = version.source.clone();
            let id = ObjectFinalized { artifact }.upload_id();
            documents.get::<Upload>(&id).await?
        }
        None => None,
    };
    let run = [("run", args.run.as_str().into())];
    let jobs = documents.query_all::<JobEntry>(&run).await?;
    let facts = TraceFacts {
        chain,
        upload: upload.map(|stored| stored.value),
        jobs: jobs.into_iter().map(|stored| stored.value).collect(),
    };
    let steps = steps(&facts);
    let text = if args.json {
        serde_json::to_string_pretty(&steps)? + "\n"
    } else {
        table(&steps).render()
    };
    output::write(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(steps: &[TraceStep]) -> TextTable {
    let mut table = TextTable::new(&[
        ("AT", Align::Left),
        ("WHAT", Align::Left),
        ("BY", Align::Left),
        ("NAME", Align::Left),
    ]);
    for step in steps {
        let at = step.at.format("%Y-%m-%d %H:%M:%S").to_string();
        let cells = [
            at,
            step.what.to_owned(),
            text::line(&step.by, NOTE_MAX),
            text::line(&step.name, NOTE_MAX),
        ];
        if step.note.is_empty() {
            table.row(cells);
        } else {
            table.row_with_note(cells, text::line(&step.note, NOTE_MAX));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    #[test]
    fn a_trace_leads_from_the_uploaded_generation_to_the_route() {
        let facts = TraceFacts {
            upload: samples::promoted().upload,
            jobs: samples::jobs(),
            chain: samples::promoted(),
        };
        insta::assert_snapshot!(table(&steps(&facts)).render());
    }
}
