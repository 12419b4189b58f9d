//! `lapidary check`: checks files offline, before an upload.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clean_engine::{Finding, Report, ReportVerdict, RowCounts, Settings, TokenCounts};
use serde::Serialize;
use shared::{error::Chain, price::Minutes};

use crate::{
    arguments::CleaningLimits,
    earlier_versions::EarlierVersions,
    exit::{self, CommandResult},
    output,
    preflight::{self, PredictedDrops, Preflight, Price},
    screen::Screen,
    text,
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The command uploads nothing and writes nothing. A `recipe.toml` next to a file is used for it.

Examples:
  lapidary check rows.jsonl
  lapidary check --json a.jsonl b.jsonl | jq '.[] | {file, verdict, rows}'
  lapidary check --rules

Exit codes, of the worst file:
  0  every row can be trained on
  1  some rows are rejected
  2  a file has no row that can be trained on, or cannot be read")]
pub(crate) struct Args {
    /// The files.
    #[arg(required_unless_present = "rules", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints JSON: an object for one file, an array for several.
    #[arg(long)]
    json: bool,
    /// The recipe for all files, instead of those next to them.
    #[arg(long, value_name = "PATH")]
    recipe: Option<PathBuf>,
    /// Most findings to list, instead of the recipe's limit; counts are always complete.
    #[arg(long, value_name = "N")]
    findings: Option<usize>,
    #[command(flatten)]
    earlier: EarlierVersions,
    #[command(flatten)]
    limits: CleaningLimits,
    /// Lists every rule: its action, what it finds, and how to fix it.
    #[arg(long, conflicts_with_all = ["files", "json", "recipe"])]
    rules: bool,
}

/// The JSON of a file. Fields are only ever added.
#[derive(Serialize)]
#[serde(untagged)]
enum FileJson<'a> {
    Read {
        file: &'a Path,
        #[serde(flatten)]
        report: &'a Report,
        price: Price,
        predicted_drops: PredictedDrops,
    },
    Unreadable(Box<Unreadable<'a>>),
}

/// The JSON of a file that cannot be read: the same fields, empty, and the error.
#[derive(Serialize)]
struct Unreadable<'a> {
    file: &'a Path,
    verdict: ReportVerdict,
    format: Option<String>,
    rows: RowCounts,
    codes: BTreeMap<String, u64>,
    findings: Vec<Finding>,
    tokens: Option<TokenCounts>,
    price: Option<Price>,
    predicted_drops: PredictedDrops,
    error: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> CommandResult {
    if args.rules {
        output::write(&rules())?;
        return Ok(ExitCode::SUCCESS);
    }
    let screen = Screen::new();
    let results = args.files.iter().map(|file| {
        let result = preflight::check(
            file,
            args.recipe.as_deref(),
            &screen,
            args.limits.machine(),
            args.findings,
            &args.earlier,
        );
        (file.as_path(), result)
    });
    if args.json {
        let results: Vec<_> = results.collect();
        print_json(&results)?;
        return Ok(worst(results.iter().map(|(_, result)| file_code(result))));
    }
    let several = args.files.len() > 1;
    let mut codes = Vec::new();
    for (file, result) in results {
        print(file, &result, several)?;
        codes.push(file_code(&result));
    }
    Ok(worst(codes.into_iter()))
}

/// Every rule, with its action without a recipe; for rules that are off, the scan that turns them on.
fn rules() -> String {
    let settings = Settings::default();
    let mut table = String::new();
    for rule in clean_engine::rules() {
        let action = match rule.scan() {
            Some(scan) => format!(
                "off; {} with scan = [\"{}\"]",
                rule.severity.name(),
                scan.name()
            ),
            None if rule.binding => format!("{}, always", settings.severity(rule).name()),
            None => settings.severity(rule).name().to_owned(),
        };
        let (code, doc, fix) = (rule.code, rule.doc, rule.fix);
        table.extend([
            &format!("{code:<25} {action}\n"),
            "    ",
            doc,
            "\n    fix: ",
            fix,
            "\n",
        ]);
    }
    table
}

type FileResult = Result<Preflight, preflight::Error>;

/// The exit code for a report: see the help.
pub(crate) fn report_code(report: &Report) -> u8 {
    match report.verdict {
        ReportVerdict::Clean => 0,
        ReportVerdict::Findings => u8::from(report.rows.rejected > 0),
        ReportVerdict::Unusable => exit::UNUSABLE,
    }
}

fn file_code(result: &FileResult) -> u8 {
    match result {
        Ok(preflight) => report_code(&preflight.cleaned.report),
        Err(_) => exit::UNUSABLE,
    }
}

fn worst(codes: impl Iterator<Item = u8>) -> ExitCode {
    ExitCode::from(codes.max().unwrap_or_default())
}

fn print_json(results: &[(&Path, FileResult)]) -> Result<(), Box<dyn std::error::Error>> {
    let files = results.iter().map(|(file, result)| json(file, result));
    let files: Vec<FileJson<'_>> = files.collect();
    let text = match files.as_slice() {
        [one] => serde_json::to_string_pretty(one)?,
        several => serde_json::to_string_pretty(several)?,
    };
    output::write(&format!("{text}\n"))?;
    Ok(())
}

fn json<'a>(file: &'a Path, result: &'a FileResult) -> FileJson<'a> {
    match result {
        Ok(preflight) => FileJson::Read {
            file,
            report: &preflight.cleaned.report,
            price: preflight.price(),
            predicted_drops: preflight.drops(),
        },
        Err(error) => FileJson::Unreadable(Box::new(Unreadable {
            file,
            verdict: ReportVerdict::Unusable,
            format: None,
            rows: RowCounts::default(),
            codes: BTreeMap::new(),
            findings: Vec::new(),
            tokens: None,
            price: None,
            predicted_drops: PredictedDrops::default(),
            error: Chain(error).to_string(),
        })),
    }
}

fn print(file: &Path, result: &FileResult, several: bool) -> std::io::Result<()> {
    match result {
        Ok(preflight) if several => {
            let file = file.display();
            output::write(&format!("{file}\n\n{}\n", render(preflight)))
        }
        Ok(preflight) => output::write(&render(preflight)),
        Err(error) => {
            output::print_error(&Chain(error).to_string());
            Ok(())
        }
    }
}

/// The report, and the price where rows were kept.
pub(crate) fn render(preflight: &Preflight) -> String {
    let report = &preflight.cleaned.report;
    let mut text = clean_engine::render(report);
    if report.rows.kept > 0 {
        text.push_str(&price(&preflight.price(), &preflight.drops()));
        text.push('\n');
    }
    text
}

/// The price and the time of tuning on the rows.
fn price(price: &Price, drops: &PredictedDrops) -> String {
    let Price {
        base_model: model,
        training_tokens: tokens,
        epochs,
        budget_usd: budget,
        ..
    } = price;
    let epochs = text::things(u64::from(*epochs), "epoch");
    let line = match price.usd {
        None => {
            format!("Price: `{model}` cannot be tuned: set another tune.base_model in recipe.toml")
        }
        Some(usd) => {
            let within = if usd > *budget {
                "above the"
            } else {
                "within the"
            };
            format!(
                "Price: about {} to tune {model} for {epochs}, {}: {within} budget of {}",
                text::usd(usd),
                text::things(*tokens, "token"),
                text::usd(*budget),
            )
        }
    };
    let Minutes { least, most } = price.minutes;
    let time = format!(
        "Time: usually {least} to {most} minutes once the job runs; waiting for quota can add hours."
    );
    let rows = match drops.rows {
        0 => "none".to_owned(),
        rows => text::things(rows, "row"),
    };
    format!("{line}\n{time}\nDrops: of the kept rows, the service would drop {rows}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_listed_with_its_action() {
        let table = rules();
        for rule in clean_engine::rules() {
            let line = format!("{:<25} ", rule.code);
            let listed = table.lines().filter(|listed| listed.starts_with(&line));
            assert_eq!(listed.count(), 1, "{}", rule.code);
            assert!(table.contains(rule.doc) && table.contains(rule.fix));
        }
        let scanned = "pii_email                 off; warn with scan = [\"pii\"]\n";
        assert!(table.contains(scanned), "{table}");
    }

    #[test]
    fn an_unreadable_file_has_the_fields_of_a_readable_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rows.jsonl");
        let check = || {
            let earlier = EarlierVersions::default();
            let machine = CleaningLimits::default().machine();
            let result = preflight::check(&file, None, &Screen::new(), machine, None, &earlier);
            serde_json::to_value(json(&file, &result)).unwrap()
        };
        let unreadable = check();
        assert_eq!(unreadable["verdict"], "unusable");
        assert!(unreadable["error"].as_str().unwrap().contains("rows.jsonl"));
        std::fs::write(&file, r#"{"input":"a","output":"one two three"}"#).unwrap();
        let readable = check();
        for field in unreadable.as_object().unwrap().keys() {
            assert!(readable.get(field).is_some() || field == "error", "{field}");
        }
        let documented = include_str!("../../../../functions/clean/README.md");
        for field in readable.as_object().unwrap().keys().map(String::as_str) {
            assert!(documented.contains(&format!("`{field}`")), "{field}");
        }
    }

    #[test]
    fn a_price_is_compared_with_the_budget() {
        let priced = |usd| Price {
            base_model: "gemini-3.1-flash-lite".to_owned(),
            epochs: 3,
            training_tokens: 186_000,
            usd,
            budget_usd: 5.0,
            minutes: Minutes {
                least: 15,
                most: 120,
            },
            as_of: "2026-10-01".to_owned(),
        };
        let drops = PredictedDrops {
            rows: 1,
            ..PredictedDrops::default()
        };
        let lines = [
            price(&priced(Some(0.558)), &PredictedDrops::default()),
            price(&priced(Some(7.0)), &drops),
            price(&priced(None), &PredictedDrops::default()),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
