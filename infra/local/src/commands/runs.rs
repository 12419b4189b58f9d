//! `lapidary runs`: lists the runs, versions that wait for a person, and uploads without a run.

use std::{collections::BTreeMap, process::ExitCode};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use serde::Serialize;
use shared::{
    curve::{Curve, Point},
    dataset::{Upload, UploadOutcome, Version},
    error::Error,
    evaluation::{EvaluationRecord, Verdict},
    google::run_queue::QueueReader,
    id::{DatasetName, RunId},
    route::Route,
    run::{QueuePosition, Run, State},
};

use crate::{
    arguments::StackArgs,
    exit::CommandResult,
    output,
    session::Session,
    table::{Align, TextTable},
    text,
    timeline::{reason_words, state_words},
};

/// Newest uploads that are searched for refused ones.
const UPLOADS_MAX: u32 = 200;
/// Versions that wait for a person and are shown.
const AWAITING_MAX: u32 = 30;
/// Refused uploads that are shown.
const REFUSED_MAX: usize = 10;
/// Longest reason that is shown, in characters.
const REASON_MAX: usize = 1_000;
/// Width of the lines of a reason, in characters.
const REASON_WIDTH: usize = 110;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lapidary runs
  lapidary runs --json | jq -r '.[] | select(.state == \"awaiting_approval\") | .run'")]
pub(crate) struct Args {
    /// Prints a JSON array of runs.
    #[arg(long)]
    json: bool,
    /// Most runs to list, the newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    #[command(flatten)]
    stack: StackArgs,
}

/// A run in the list. Fields are only ever added.
#[derive(Debug, Clone, Serialize)]
struct RunSummary {
    run: RunId,
    dataset: DatasetName,
    model: DatasetName,
    state: State,
    reason: String,
    /// Its position in the queue, from 1.
    position: Option<u64>,
    provider_state: Option<String>,
    provider_sub_state: Option<String>,
    /// Epochs that are done.
    epoch: Option<u32>,
    epochs: u32,
    step: Option<u64>,
    steps: Option<u64>,
    train_loss: Option<f64>,
    eval_loss: Option<f64>,
    /// At the least.
    estimate_usd: f64,
    /// At the most.
    estimate_usd_high: f64,
    #[serde(skip)]
    price: String,
    budget_usd: f64,
    verdict: Option<Verdict>,
    /// Whether its tuned model serves.
    serves: bool,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let session = Session::open(&args.stack.env_file).await?;
    let runs = list(&session, args.limit).await?;
    if args.json {
        output::write(&format!("{}\n", serde_json::to_string_pretty(&runs)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    if runs.is_empty() {
        output::write("No runs yet. Upload rows with `lapidary drop FILE --dataset NAME`.\n")?;
    } else {
        output::write(&table(&runs).render())?;
    }
    let waiting =
        session
            .documents
            .with_field::<Version>("review.state", "awaiting_review", AWAITING_MAX);
    let waiting = waiting.await?.into_iter().map(|stored| stored.value);
    output::write(&awaiting_review(waiting))?;
    let uploads = session
        .documents
        .newest::<Upload>("at", UPLOADS_MAX)
        .await?;
    let uploads = uploads.into_iter().map(|stored| stored.value);
    output::write(&refused(uploads))?;
    Ok(ExitCode::SUCCESS)
}

async fn list(session: &Session, limit: u32) -> Result<Vec<RunSummary>, Error> {
    let runs = session.documents.newest::<Run>("created_at", limit).await?;
    let mut routes: BTreeMap<DatasetName, Option<Route>> = BTreeMap::new();
    for run in &runs {
        let model = &run.value.model;
        if !routes.contains_key(model) {
            let route = session.documents.get::<Route>(model.as_str()).await?;
            routes.insert(model.clone(), route.map(|stored| stored.value));
        }
    }
    let queue = QueueReader::new(&session.documents);
    let positions = queue.positions(runs.iter().map(|stored| &stored.value));
    let (positions, routes) = (&positions.await?, &routes);
    let summaries = runs.iter().map(|stored| async move {
        let run = &stored.value;
        let curve = session.documents.get::<Curve>(run.id.as_str());
        let record = session.documents.get::<EvaluationRecord>(run.id.as_str());
        let (curve, record) = futures::future::try_join(curve, record).await?;
        let route = routes.get(&run.model).and_then(Option::as_ref);
        let (curve, record) = (curve.map(|it| it.value), record.map(|it| it.value));
        let position = positions.get(&run.id).copied();
        Ok(summarise(
            run,
            position,
            curve.as_ref(),
            record.as_ref(),
            route,
        ))
    });
    try_join_all(summaries).await
}

fn summarise(
    run: &Run,
    position: Option<QueuePosition>,
    curve: Option<&Curve>,
    record: Option<&EvaluationRecord>,
    route: Option<&Route>,
) -> RunSummary {
    let job = run.job.as_ref();
    let newest = |points: &[Point]| points.last().and_then(|point| point.loss);
    let target = route.and_then(|route| route.target.as_ref());
    RunSummary {
        run: run.id.clone(),
        dataset: run.dataset.clone(),
        model: run.model.clone(),
        state: run.state,
        reason: reason_words(run, position),
        position: position.map(|position| position.0),
        provider_state: job.map(|job| job.state.clone().into()),
        provider_sub_state: job.and_then(|job| Some(job.sub_state.clone()?.into())),
        epoch: job.and_then(|job| job.completed_epochs),
        epochs: run.plan.epochs,
        step: run.last_step,
        steps: job.and_then(|job| job.steps_total),
        train_loss: curve.and_then(|curve| newest(&curve.train)),
        eval_loss: curve.and_then(|curve| newest(&curve.eval)),
        estimate_usd: run.estimate.usd_low,
        estimate_usd_high: run.estimate.usd_high,
        price: run.estimate.price(),
        budget_usd: run.budget_usd,
        verdict: record.map(|record| record.evaluation.verdict.clone()),
        serves: target.is_some_and(|target| target.run == run.id.as_str()),
        created_at: run.created_at,
        finished_at: run.finished_at,
    }
}

fn table(runs: &[RunSummary]) -> TextTable {
    let mut table = TextTable::new(&[
        ("RUN", Align::Left),
        ("DATASET", Align::Left),
        ("STATE", Align::Left),
        ("EPOCH", Align::Right),
        ("STEP", Align::Right),
        ("TRAIN", Align::Right),
        ("EVAL", Align::Right),
        ("PRICE", Align::Right),
        ("VERDICT", Align::Left),
        ("SERVES", Align::Left),
    ]);
    for run in runs {
        let of = |done: Option<u64>, total: Option<u64>| match (done, total) {
            (None, _) => "–".to_owned(),
            (Some(done), None) => done.to_string(),
            (Some(done), Some(total)) => format!("{done}/{total}"),
        };
        let loss = |loss: Option<f64>| loss.map_or("–".to_owned(), |loss| format!("{loss:.3}"));
        let cells = [
            run.run.to_string(),
            run.dataset.to_string(),
            state_words(run.state).to_owned(),
            of(run.epoch.map(u64::from), Some(u64::from(run.epochs))),
            of(run.step, run.steps),
            loss(run.train_loss),
            loss(run.eval_loss),
            run.price.clone(),
            run.verdict.as_ref().map_or("–", verdict_words).to_owned(),
            if run.serves { run.model.as_str() } else { "" }.to_owned(),
        ];
        table.row_with_notes(cells, reason_lines(&run.reason));
    }
    table
}

/// A reason in lines: what to do stands at its end, so that it is not cut.
fn reason_lines(reason: &str) -> Vec<String> {
    text::wrap(&text::line(reason, REASON_MAX), REASON_WIDTH)
}

/// A verdict for people.
fn verdict_words(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Better => "better",
        Verdict::NotWorse => "not worse",
        Verdict::Worse => "worse",
        Verdict::CannotTell => "cannot tell",
        Verdict::RuledOut => "ruled out",
        Verdict::Undecided => "undecided",
        Verdict::Other(name) => name,
    }
}

/// Versions that wait for a person.
fn awaiting_review(versions: impl Iterator<Item = Version>) -> String {
    let mut table = TextTable::new(&[
        ("VERSION", Align::Left),
        ("", Align::Left),
        ("AT", Align::Left),
    ]);
    for version in versions {
        let at = version.created_at.format("%Y-%m-%d %H:%M").to_string();
        let reasons = version.review.map(|review| review.reasons.join("; "));
        let cells = [version.id.to_string(), "awaiting review".to_owned(), at];
        table.row_with_notes(cells, reason_lines(&reasons.unwrap_or_default()));
    }
    if table.is_empty() {
        return String::new();
    }
    format!(
        "\nVersions that wait for a person (`lapidary datasets accept`):\n{}",
        table.render()
    )
}

/// The newest uploads that led to no version: without them, a refused file would seem lost.
fn refused(uploads: impl Iterator<Item = Upload>) -> String {
    let mut table = TextTable::new(&[
        ("UPLOAD", Align::Left),
        ("", Align::Left),
        ("AT", Align::Left),
    ]);
    let refused = uploads.filter_map(|upload| match upload.outcome {
        UploadOutcome::Rejected => Some((upload, "rejected")),
        UploadOutcome::Gone => Some((upload, "deleted")),
        UploadOutcome::Cleaned | UploadOutcome::Ignored => None,
    });
    for (upload, word) in refused.take(REFUSED_MAX) {
        let at = upload.at.format("%Y-%m-%d %H:%M").to_string();
        let cells = [upload.artifact.uri.object, word.to_owned(), at];
        table.row_with_notes(cells, reason_lines(&upload.note));
    }
    if table.is_empty() {
        return String::new();
    }
    format!("\nUploads without a run:\n{}", table.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{ChainSnapshot, samples};

    fn of(snapshot: &ChainSnapshot) -> RunSummary {
        summarise(
            snapshot.run.as_ref().unwrap(),
            snapshot.position,
            snapshot.curve.as_ref(),
            snapshot.evaluation.as_ref(),
            snapshot.route.as_ref(),
        )
    }

    #[test]
    fn runs_are_listed_with_their_reasons() {
        let runs = [
            of(&samples::waiting()),
            of(&samples::running()),
            of(&samples::with_state("awaiting_approval")),
            of(&samples::queued()),
            of(&samples::stopped()),
            of(&samples::promoted()),
        ];
        insta::assert_snapshot!(table(&runs).render());
    }

    #[test]
    fn the_json_of_a_run_is_stable() {
        insta::assert_json_snapshot!(of(&samples::promoted()));
    }

    #[test]
    fn versions_that_wait_for_a_person_are_listed_with_the_reasons() {
        let waiting = samples::awaiting_review().version;
        insta::assert_snapshot!(awaiting_review(waiting.into_iter()));
        assert_eq!(awaiting_review(std::iter::empty()), "");
    }

    #[test]
    fn only_refused_uploads_are_listed() {
        let uploads = [samples::rejected(), samples::cleaned()];
        let uploads = uploads.into_iter().filter_map(|snapshot| snapshot.upload);
        insta::assert_snapshot!(refused(uploads));
        assert_eq!(refused(std::iter::empty()), "");
    }
}
