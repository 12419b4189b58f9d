//! `lapidary score`: compares files of predictions offline, with the metrics and the tests of `evaluate`.

mod prediction_file;
mod report;
mod rows;
mod table;

use std::{path::PathBuf, process::ExitCode};

use scores::{
    metric::Metric,
    metrics::METRICS,
    offline::OfflineVerdict,
    task::{self, MetricChoice},
};

use self::{
    report::ScoreReport,
    rows::{Files, ScoredRows},
};
use crate::{
    exit::{self, CommandResult},
    output,
};

/// The exit code of a verdict that is open.
const CANNOT_TELL: u8 = 3;
/// The largest loss that counts as not worse, where the command names none: as in a recipe.
const MARGIN: f64 = 0.02;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files are JSONL. Rows are matched by `id` where every row has one, else by order. The text is under
`prediction`, `output`, `reference`, `answer` or `text`, or is the line itself. One file with the columns
`prediction`, `reference` and, to compare, `baseline` and `serving` also works: then only --predictions
is given.

The verdict compares with the serving model where there is one, else with the baseline, on all rows in
pairs: by an exact test where a metric is right or wrong, else by a bound of the mean. A missing prediction is not a wrong one: with more than 2 % missing nothing
follows.

Examples:
  lapidary score --predictions tuned.jsonl --baseline base.jsonl --references held-out.jsonl
  lapidary score --predictions rows.jsonl --json | jq .verdict
  lapidary score --table --predictions a.jsonl b.jsonl c.jsonl --references held-out.jsonl
  lapidary score --metrics

Exit codes:
  0  better or not worse; nothing to compare with
  1  worse
  2  a file cannot be used
  3  cannot tell")]
pub(crate) struct Args {
    /// The predictions of the model in question; of several models with --table.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "metrics")]
    predictions: Vec<PathBuf>,
    /// The predictions of the model that it was tuned from.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The predictions of the model that users have.
    #[arg(long, value_name = "FILE")]
    serving: Option<PathBuf>,
    /// The expected answers.
    #[arg(long, value_name = "FILE")]
    references: Option<PathBuf>,
    /// The metric that decides, and others to show; by default the one that suits the references.
    #[arg(long, value_name = "NAME")]
    metric: Vec<String>,
    /// The largest loss that counts as not worse, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = MARGIN)]
    margin: f64,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Compares more than two models, each with each.
    #[arg(long, conflicts_with_all = ["baseline", "serving", "json"])]
    table: bool,
    /// Lists every metric.
    #[arg(long, conflicts_with_all = ["predictions", "json", "table"])]
    metrics: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> CommandResult {
    if args.metrics {
        output::write(&list())?;
        return Ok(ExitCode::SUCCESS);
    }
    match compare(args) {
        Ok((text, code)) => {
            output::write(&text)?;
            Ok(ExitCode::from(code))
        }
        Err(error) => Ok(exit::unusable(&*error)),
    }
}

/// Every metric, with what it is.
fn list() -> String {
    let line = |metric: &&dyn Metric| format!("{:<20} {}\n", metric.name(), metric.doc());
    METRICS.iter().map(line).collect()
}

/// What is printed, and the exit code.
fn compare(args: &Args) -> Result<(String, u8), Box<dyn std::error::Error>> {
    if !(0.0..1.0).contains(&args.margin) {
        return Err(format!("--margin is {}: expected 0 to 1", args.margin).into());
    }
    let (first, others) = args.predictions.split_first().ok_or("no predictions")?;
    if !others.is_empty() && !args.table {
        return Err("more than one file of predictions: add --table".into());
    }
    let rows = ScoredRows::read(&Files {
        predictions: first,
        baseline: args.baseline.as_deref(),
        serving: args.serving.as_deref(),
        others,
        references: args.references.as_deref(),
    })?;
    let metrics = metrics(args, &rows)?;
    if args.table {
        return Ok((
            table::render(&rows, &args.predictions, &metrics, args.margin)?,
            0,
        ));
    }
    let report = ScoreReport::of(&rows, &metrics, args.margin)?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        report.render()
    };
    Ok((text, code(&report)))
}

/// The metric that decides and why, and those that are shown beside it.
struct Metrics {
    choice: MetricChoice,
    all: Vec<&'static dyn Metric>,
}

fn metrics(args: &Args, rows: &ScoredRows) -> Result<Metrics, task::UnknownMetric> {
    let references = rows.references();
    let named = |name: &String| task::choose(Some(name), None, &references);
    let (first, others) = match args.metric.split_first() {
        Some((first, others)) => (Some(first.as_str()), others),
        None => (None, &[][..]),
    };
    let choice = task::choose(first, None, &references)?;
    let others = others.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let others = others.into_iter().map(|choice| choice.metric);
    let all = std::iter::once(choice.metric).chain(others).collect();
    Ok(Metrics { choice, all })
}

fn code(report: &ScoreReport) -> u8 {
    match report {
        ScoreReport::Score(_) => 0,
        ScoreReport::Comparison(side) => match side.comparison.verdict {
            OfflineVerdict::Better | OfflineVerdict::NotWorse => 0,
            OfflineVerdict::Worse => 1,
            OfflineVerdict::CannotTell | OfflineVerdict::Undecided => CANNOT_TELL,
        },
    }
}

#[cfg(test)]
mod tests;
