//! `lapidary show`: shows everything about one run.

use std::process::ExitCode;

use serde_json::json;
use shared::{
    dataset::Version,
    google::vertex::JobName,
    id::RunId,
    job_ledger::{Cancels, JobEntry},
    run::{Job, Run},
};

use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output, preflight,
    session::Session,
    text,
    timeline::{
        ChainSnapshot, Section,
        reader::{self, Subject},
        render, summary,
    },
};

/// Longest note of a history that is shown, in characters: of a person's reason with what is done about it.
const NOTE_MAX: usize = 2_000;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lapidary show tickets-3f2k9x1m4q7a-b5c8d1e9f0
  lapidary show tickets-3f2k9x1m4q7a-b5c8d1e9f0 --json | jq .evaluation.evaluation.verdict")]
pub(crate) struct Args {
    /// The run.
    run: RunId,
    /// Prints the documents as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let (subject, before) = (Subject::Run(args.run.clone()), ChainSnapshot::default());
    let snapshot = Box::pin(reader::snapshot(&session, &subject, &before)).await?;
    if snapshot.run.is_none() {
        return Err(format!("no run `{}`: list the runs with `lapidary runs`", args.run).into());
    }
    let entry = ledger_entry(&session, snapshot.run.as_ref()).await?;
    if args.json {
        let documents = json!({
            "run": snapshot.run,
            "position": snapshot.position.map(|position| position.0),
            "version": snapshot.version,
            "job_entry": entry,
            "curve": snapshot.curve,
            "evaluation": snapshot.evaluation,
            "decision": snapshot.decision,
            "route": snapshot.route,
        });
        output::write(&format!("{}\n", serde_json::to_string_pretty(&documents)?))?;
    } else {
        output::write(&render_all(&snapshot, entry.as_ref()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the job ledger knows of the job of `run`.
async fn ledger_entry(
    session: &Session,
    run: Option<&Run>,
) -> Result<Option<JobEntry>, shared::error::Error> {
    let job = run.and_then(|run| run.job.as_ref());
    let Some(name) = job.and_then(|job| job.name.parse::<JobName>().ok()) else {
        return Ok(None);
    };
    let entry = session.documents.get::<JobEntry>(&name.key()).await?;
    Ok(entry.map(|stored| stored.value))
}

fn render_all(snapshot: &ChainSnapshot, entry: Option<&JobEntry>) -> String {
    let mut sections = summary(snapshot);
    if let Some(run) = &snapshot.run {
        if let Some(job) = &run.job {
            let mut lines = provider(job);
            lines.extend(entry.into_iter().flat_map(stops));
            sections.push(Section::new("Provider", lines));
            sections.push(Section::new(
                "Dropped",
                dropped(job, snapshot.version.as_ref()),
            ));
        }
        sections.push(Section::new("History", history(run)));
    }
    if let Some(version) = &snapshot.version {
        sections.push(Section::new("Artifacts", artifacts(version)));
    }
    let mut text = String::new();
    for section in sections {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&render(&[section]));
    }
    text
}

/// The state of the job, as the provider names it.
fn provider(job: &Job) -> Vec<String> {
    let mut lines = vec![job.name.clone()];
    let sub_state = job.sub_state.as_ref().map(|phase| format!(", {phase}"));
    let since = job.state_since.map(|at| format!(" since {}", stamp(at)));
    lines.push(format!(
        "{}{}{}",
        String::from(job.state.clone()),
        sub_state.unwrap_or_default(),
        since.unwrap_or_default()
    ));
    lines.extend(job.error.iter().map(|error| format!("error: {error}")));
    lines.extend(job.model.iter().map(|model| format!("model {model}")));
    for checkpoint in &job.checkpoints {
        lines.push(format!(
            "checkpoint {}, epoch {}, step {}, {}",
            checkpoint.id,
            checkpoint.epoch,
            checkpoint.step,
            checkpoint.endpoint.as_deref().unwrap_or("no endpoint")
        ));
    }
    lines
}

/// When the job was asked to stop, and what came of it.
fn stops(entry: &JobEntry) -> Vec<String> {
    let Cancels {
        accepted,
        first_at,
        last_at,
        failure,
        ..
    } = &entry.cancels;
    let (Some(first), Some(last)) = (first_at, last_at) else {
        return Vec::new();
    };
    let times = text::things(u64::from(*accepted), "request");
    let mut lines = vec![format!(
        "asked to stop from {} to {}: {times} accepted",
        stamp(*first),
        stamp(*last)
    )];
    let refused = failure.iter();
    lines.extend(refused.map(|failure| format!("the last request was not accepted: {failure}")));
    lines
}

/// The rows that the service dropped, and the rows that were predicted.
fn dropped(job: &Job, version: Option<&Version>) -> Vec<String> {
    let actual = match job.dropped_rows {
        None => "the service has not reported yet".to_owned(),
        Some(rows) => format!("by the service: {}", text::things(rows, "row")),
    };
    let mut lines = vec![actual];
    let reasons = job.dropped_reasons.iter();
    lines.extend(reasons.map(|reason| format!("  {}", text::line(reason, 200))));
    let settings = version.and_then(|version| preflight::settings(&version.recipe).ok());
    if let (Some(version), Some(settings)) = (version, settings) {
        let predicted = preflight::drops(&version.codes, &settings);
        lines.push(format!(
            "predicted: {}",
            text::things(predicted.rows, "row")
        ));
        let codes = predicted.codes.iter();
        lines.extend(codes.map(|(code, rows)| format!("  {code}: {rows}")));
    }
    lines
}

fn history(run: &Run) -> Vec<String> {
    let entries = run.history.iter();
    entries
        .map(|entry| {
            format!(
                "{}  {:<11}{}",
                stamp(entry.at),
                entry.by,
                text::line(&entry.note, NOTE_MAX)
            )
        })
        .collect()
}

fn artifacts(version: &Version) -> Vec<String> {
    let source = format!("{:<11}{}", "source", version.source);
    let parts = version.parts.iter();
    let parts = parts.map(|(name, part)| format!("{name:<11}{}", part.artifact));
    std::iter::once(source).chain(parts).collect()
}

fn stamp(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    #[test]
    fn everything_about_a_run_is_shown() {
        insta::assert_snapshot!(render_all(&samples::promoted(), None));
    }

    #[test]
    fn a_waiting_job_is_shown_with_its_state() {
        insta::assert_snapshot!(render_all(&samples::waiting(), None));
    }

    #[test]
    fn a_refused_request_to_stop_is_shown_with_the_answer() {
        let mut entry = samples::jobs().remove(0);
        entry.cancels = Cancels::default();
        assert!(stops(&entry).is_empty(), "never asked");
        let at = chrono::DateTime::UNIX_EPOCH;
        entry.cancels.record(None, at);
        let refusal = "not allowed: aiplatform.tuningJobs.cancel";
        let later = at + chrono::TimeDelta::hours(1);
        entry.cancels.record(Some(refusal.to_owned()), later);
        let expected = [
            "asked to stop from 1970-01-01 00:00:00 to 1970-01-01 01:00:00: 1 request accepted"
                .to_owned(),
            format!("the last request was not accepted: {refusal}"),
        ];
        assert_eq!(stops(&entry), expected);
    }
}
