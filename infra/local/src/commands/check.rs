//! `lapidary check`: what would become of files, offline.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clean_engine::{Finding, Report, RowCounts, Settings, TokenCounts, Verdict};
use serde::Serialize;
use shared::{error::Chain, price::Minutes};

use crate::{
    cli::Outcome,
    earlier::Earlier,
    limits::Limits,
    output,
    preflight::{self, Drops, Preflight, Price},
    story::screen::Screen,
    text,
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is uploaded and nothing is written. A `recipe.toml` beside a file is used for it.

Examples:
  lapidary check rows.jsonl
  lapidary check --json a.jsonl b.jsonl | jq '.[] | {file, verdict, rows}'
  lapidary check --rules

Exit codes, the worst of all files:
  0  every row can be trained on
  1  some rows are rejected
  2  nothing in a file can be trained on, or it cannot be read")]
pub(crate) struct Args {
    /// The files.
    #[arg(required_unless_present = "rules", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Prints JSON: an object for one file, an array for several.
    #[arg(long)]
    json: bool,
    /// The recipe for all files, in place of those beside them.
    #[arg(long, value_name = "PATH")]
    recipe: Option<PathBuf>,
    /// Most findings listed one by one, in place of the recipe's; counts are never cut.
    #[arg(long, value_name = "N")]
    findings: Option<usize>,
    #[command(flatten)]
    earlier: Earlier,
    #[command(flatten)]
    limits: Limits,
    /// Lists every rule: what it does, what is wrong, what to do about it.
    #[arg(long, conflicts_with_all = ["files", "json", "recipe"])]
    rules: bool,
}

/// What is printed of a file as JSON. Fields are only ever added.
#[derive(Serialize)]
#[serde(untagged)]
enum Checked<'a> {
    Read {
        file: &'a Path,
        #[serde(flatten)]
        report: &'a Report,
        price: Price,
        predicted_drops: Drops,
    },
    Unreadable(Box<Unreadable<'a>>),
}

/// What is printed of a file that could not be looked at: the same words, nothing behind them, and why.
#[derive(Serialize)]
struct Unreadable<'a> {
    file: &'a Path,
    verdict: Verdict,
    format: Option<String>,
    rows: RowCounts,
    codes: BTreeMap<String, u64>,
    findings: Vec<Finding>,
    tokens: Option<TokenCounts>,
    price: Option<Price>,
    predicted_drops: Drops,
    error: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    if args.rules {
        output::write(&rules())?;
        return Ok(ExitCode::SUCCESS);
    }
    let screen = Screen::new();
    let looks = args.files.iter().map(|file| {
        let look = preflight::look(
            file,
            args.recipe.as_deref(),
            &screen,
            args.limits.machine(),
            args.findings,
            &args.earlier,
        );
        (file.as_path(), look)
    });
    if args.json {
        let looks: Vec<_> = looks.collect();
        print_json(&looks)?;
        return Ok(worst(looks.iter().map(|(_, look)| code(look))));
    }
    let several = args.files.len() > 1;
    let mut codes = Vec::new();
    for (file, look) in looks {
        print(file, &look, several)?;
        codes.push(code(&look));
    }
    Ok(worst(codes.into_iter()))
}

/// Every rule, as it is without a recipe; of those that are off, the scan that turns them on.
fn rules() -> String {
    let settings = Settings::default();
    let mut table = String::new();
    for rule in clean_engine::rules() {
        let action = match rule.scan() {
            Some(scan) => format!(
                "off; {} by scan = [\"{}\"]",
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

type Look = Result<Preflight, preflight::Error>;

/// The exit code of a file: see the help.
pub(crate) fn report_code(report: &Report) -> u8 {
    match report.verdict {
        Verdict::Clean => 0,
        Verdict::Findings => u8::from(report.rows.rejected > 0),
        Verdict::Unusable => 2,
    }
}

fn code(look: &Look) -> u8 {
    match look {
        Ok(preflight) => report_code(&preflight.cleaned.report),
        Err(_) => 2,
    }
}

fn worst(codes: impl Iterator<Item = u8>) -> ExitCode {
    ExitCode::from(codes.max().unwrap_or_default())
}

fn print_json(looks: &[(&Path, Look)]) -> Result<(), Box<dyn std::error::Error>> {
    let checked: Vec<Checked<'_>> = looks
        .iter()
        .map(|(file, look)| checked(file, look))
        .collect();
    let text = match checked.as_slice() {
        [one] => serde_json::to_string_pretty(one)?,
        several => serde_json::to_string_pretty(several)?,
    };
    output::write(&format!("{text}\n"))?;
    Ok(())
}

fn checked<'a>(file: &'a Path, look: &'a Look) -> Checked<'a> {
    match look {
        Ok(preflight) => Checked::Read {
            file,
            report: &preflight.cleaned.report,
            price: preflight.price(),
            predicted_drops: preflight.drops(),
        },
        Err(error) => Checked::Unreadable(Box::new(Unreadable {
            file,
            verdict: Verdict::Unusable,
            format: None,
            rows: RowCounts::default(),
            codes: BTreeMap::new(),
            findings: Vec::new(),
            tokens: None,
            price: None,
            predicted_drops: Drops::default(),
            error: Chain(error).to_string(),
        })),
    }
}

#[expect(clippy::print_stderr, reason = "this is what a person reads")]
fn print(file: &Path, look: &Look, several: bool) -> std::io::Result<()> {
    match look {
        Ok(preflight) if several => {
            let file = file.display();
            output::write(&format!("{file}\n\n{}\n", human(preflight)))
        }
        Ok(preflight) => output::write(&human(preflight)),
        Err(error) => {
            eprintln!("error: {}", Chain(error));
            Ok(())
        }
    }
}

/// The report, and the price where there is something to pay for.
pub(crate) fn human(preflight: &Preflight) -> String {
    let report = &preflight.cleaned.report;
    let mut text = clean_engine::render(report);
    if report.rows.kept > 0 {
        text.push_str(&price(&preflight.price(), &preflight.drops()));
        text.push('\n');
    }
    text
}

/// What tuning on it would cost and take.
fn price(price: &Price, drops: &Drops) -> String {
    let Price {
        base_model: model,
        training_tokens: tokens,
        epochs,
        budget_usd: budget,
        ..
    } = price;
    let epochs = text::things(u64::from(*epochs), "epoch");
    let line = match price.usd {
        None => format!("Price: `{model}` cannot be tuned; set tune.base_model in recipe.toml"),
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
        "Time: {least} to {most} minutes are usual once the job runs; waiting for quota can add hours."
    );
    let rows = match drops.rows {
        0 => "no row".to_owned(),
        rows => text::things(rows, "row"),
    };
    format!("{line}\n{time}\nDrops: of what is kept, the service would drop {rows}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_listed_with_what_it_does() {
        let table = rules();
        for rule in clean_engine::rules() {
            let line = format!("{:<25} ", rule.code);
            let listed = table.lines().filter(|listed| listed.starts_with(&line));
            assert_eq!(listed.count(), 1, "{}", rule.code);
            assert!(table.contains(rule.doc) && table.contains(rule.fix));
        }
        let scanned = "pii_email                 off; warn by scan = [\"pii\"]\n";
        assert!(table.contains(scanned), "{table}");
    }

    #[test]
    fn what_cannot_be_read_has_the_words_of_what_can() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rows.jsonl");
        let look = || {
            let earlier = Earlier::default();
            let machine = Limits::default().machine();
            let look = preflight::look(&file, None, &Screen::new(), machine, None, &earlier);
            serde_json::to_value(checked(&file, &look)).unwrap()
        };
        let unreadable = look();
        assert_eq!(unreadable["verdict"], "unusable");
        assert!(unreadable["error"].as_str().unwrap().contains("rows.jsonl"));
        std::fs::write(&file, r#"{"input":"a","output":"one two three"}"#).unwrap();
        let readable = look();
        for word in unreadable.as_object().unwrap().keys() {
            assert!(readable.get(word).is_some() || word == "error", "{word}");
        }
        let documented = include_str!("../../../../functions/clean/README.md");
        for word in readable.as_object().unwrap().keys().map(String::as_str) {
            assert!(documented.contains(&format!("`{word}`")), "{word}");
        }
    }

    #[test]
    fn a_price_is_held_against_the_budget() {
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
        let drops = Drops {
            rows: 1,
            ..Drops::default()
        };
        let lines = [
            price(&priced(Some(0.558)), &Drops::default()),
            price(&priced(Some(7.0)), &drops),
            price(&priced(None), &Drops::default()),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
