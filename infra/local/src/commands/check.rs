//! `lapidary check`: checks files offline, before an upload.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::NaiveDate;
use clean_engine::{Finding, Report, ReportVerdict, RowCounts, Settings, TokenCounts};
use serde::Serialize;
use shared::{clock::Clock, error::Chain, id::DatasetName, policy::Policy, price::Minutes};

use crate::{
    arguments::CleaningLimits,
    earlier_versions::EarlierVersions,
    exit::{self, CommandResult},
    output, policy,
    preflight::{self, PredictedDrops, Preflight, Price, SettingOverrides},
    resource_names::REGION,
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
  2  a file has no row that can be trained on, cannot be read, or its run would fail")]
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
    /// The character encoding of the files, instead of the recipe's, such as windows-1252.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    earlier: EarlierVersions,
    #[command(flatten)]
    limits: CleaningLimits,
    /// Lists every rule: its action, what it finds, and how to fix it.
    #[arg(long, conflicts_with_all = ["files", "json", "recipe"])]
    rules: bool,
}

/// Where the rows would be uploaded to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PlanArgs {
    /// The policy to check against, instead of the one that a stack on this machine starts with.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The dataset to upload to; by default the folder of the file, or the route of its recipe.
    #[arg(long, value_name = "NAME")]
    dataset: Option<DatasetName>,
    /// The project's region of tuning.
    #[arg(long, value_name = "REGION", default_value = REGION)]
    region: String,
}

/// The conditions under which a run is planned.
#[derive(Debug)]
pub(crate) struct PlanConditions {
    policy: Policy,
    dataset: Option<DatasetName>,
    region: String,
    today: NaiveDate,
}

impl Default for PlanArgs {
    fn default() -> Self {
        Self {
            policy: None,
            dataset: None,
            region: REGION.to_owned(),
        }
    }
}

impl PlanArgs {
    /// Reads the policy.
    pub(crate) fn conditions(&self) -> Result<PlanConditions, Box<dyn std::error::Error>> {
        let policy = match &self.policy {
            Some(file) => super::policy::read(file)?.1,
            None => policy::policy()?,
        };
        Ok(PlanConditions {
            policy,
            dataset: self.dataset.clone(),
            region: self.region.clone(),
            today: Clock::system().now().date_naive(),
        })
    }
}

impl PlanConditions {
    /// The price of a run on the rows of `file`.
    fn price(&self, file: &Path, preflight: &Preflight) -> Price {
        let dataset = self.dataset_of(file, preflight);
        preflight.price(&dataset, &self.policy, &self.region, self.today)
    }

    /// Why the version of `file` would wait for a person.
    fn review(&self, file: &Path, preflight: &Preflight) -> Vec<String> {
        preflight.review(&self.dataset_of(file, preflight), &self.policy)
    }

    /// The dataset that `file` is uploaded to.
    pub(crate) fn dataset_of(&self, file: &Path, preflight: &Preflight) -> DatasetName {
        let dataset = self.dataset.clone();
        let route = || preflight.recipe.deploy.model.clone();
        dataset.or_else(route).unwrap_or_else(|| folder(file))
    }
}

/// The dataset of `file`, were its folder uploaded as it is.
fn folder(file: &Path) -> DatasetName {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let folder = file.parent().and_then(Path::file_name);
    DatasetName::of_object(&match folder {
        Some(folder) => format!("{}/{name}", folder.to_string_lossy()),
        None => name.into_owned(),
    })
}

/// The JSON of a file. Fields are only ever added.
#[derive(Serialize)]
#[serde(untagged)]
enum FileJson<'a> {
    Read {
        file: &'a Path,
        #[serde(flatten)]
        report: &'a Report,
        price: Box<Price>,
        review: Vec<String>,
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
    review: Vec<String>,
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
    let conditions = args.plan.conditions()?;
    let results = args.files.iter().map(|file| {
        let result = preflight::check(
            file,
            args.recipe.as_deref(),
            &screen,
            args.limits.machine(),
            &SettingOverrides {
                findings: args.findings,
                encoding: args.encoding.clone(),
            },
            &args.earlier,
        );
        (file.as_path(), result)
    });
    if args.json {
        let results: Vec<_> = results.collect();
        print_json(&results, &conditions)?;
        let codes = results.iter();
        return Ok(worst(
            codes.map(|(file, result)| file_code(file, result, &conditions)),
        ));
    }
    let several = args.files.len() > 1;
    let mut codes = Vec::new();
    for (file, result) in results {
        print(file, &result, several, &conditions)?;
        codes.push(file_code(file, &result, &conditions));
    }
    Ok(worst(codes.into_iter()))
}

/// Every rule, with its action without a recipe; for rules that are off, the scan that turns them on.
fn rules() -> String {
    let settings = Settings::default();
    let mut table = String::new();
    for rule in clean_engine::rules() {
        let action = match rule.scan() {
            Some(scan) if !scan.is_always_on() => format!(
                "off; {} with scan = [\"{}\"]",
                rule.severity.name(),
                scan.name()
            ),
            _ if rule.binding => format!("{}, always", settings.severity(rule).name()),
            _ => settings.severity(rule).name().to_owned(),
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

/// The exit code for a file: that of its report, and 2 where its run would fail.
fn file_code(file: &Path, result: &FileResult, conditions: &PlanConditions) -> u8 {
    match result {
        Ok(preflight) if conditions.price(file, preflight).outcome == "fails" => exit::UNUSABLE,
        Ok(preflight) => report_code(&preflight.cleaned.report),
        Err(_) => exit::UNUSABLE,
    }
}

fn worst(codes: impl Iterator<Item = u8>) -> ExitCode {
    ExitCode::from(codes.max().unwrap_or_default())
}

fn print_json(
    results: &[(&Path, FileResult)],
    conditions: &PlanConditions,
) -> Result<(), Box<dyn std::error::Error>> {
    let files = results
        .iter()
        .map(|(file, result)| json(file, result, conditions));
    let files: Vec<FileJson<'_>> = files.collect();
    let text = match files.as_slice() {
        [one] => serde_json::to_string_pretty(one)?,
        several => serde_json::to_string_pretty(several)?,
    };
    output::write(&format!("{text}\n"))?;
    Ok(())
}

fn json<'a>(file: &'a Path, result: &'a FileResult, conditions: &PlanConditions) -> FileJson<'a> {
    match result {
        Ok(preflight) => FileJson::Read {
            file,
            report: &preflight.cleaned.report,
            price: Box::new(conditions.price(file, preflight)),
            review: conditions.review(file, preflight),
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
            review: Vec::new(),
            predicted_drops: PredictedDrops::default(),
            error: Chain(error).to_string(),
        })),
    }
}

fn print(
    file: &Path,
    result: &FileResult,
    several: bool,
    conditions: &PlanConditions,
) -> std::io::Result<()> {
    match result {
        Ok(preflight) if several => {
            let name = file.display();
            let text = render(file, preflight, conditions);
            output::write(&format!("{name}\n\n{text}\n"))
        }
        Ok(preflight) => output::write(&render(file, preflight, conditions)),
        Err(error) => {
            output::print_error(&Chain(error).to_string());
            Ok(())
        }
    }
}

/// The report, and the price where rows were kept.
pub(crate) fn render(file: &Path, preflight: &Preflight, conditions: &PlanConditions) -> String {
    let report = &preflight.cleaned.report;
    let text = clean_engine::render(report);
    if report.rows.kept == 0 {
        return text;
    }
    // The report's own next step is about the rows alone. What to do next depends on the run as well.
    let (findings, of_rows) = text.rsplit_once(NEXT).unwrap_or((&text, ""));
    let price = conditions.price(file, preflight);
    let review = conditions.review(file, preflight);
    let review = review.iter().map(|reason| format!("Review: {reason}\n"));
    let review: String = review.collect();
    let lines = price_lines(&price, &preflight.drops());
    let next = next_step(price.outcome, of_rows.trim());
    format!("{findings}{lines}\n{review}{NEXT}{next}\n")
}

/// What the line of the next step starts with.
const NEXT: &str = "Next: ";

/// What a person does next: `of_rows`, unless the run needs something else.
fn next_step(outcome: &str, of_rows: &str) -> String {
    let after = match outcome {
        "fails" => {
            return "change what the line `Run` names, and run `check` again; uploaded as it is, the file buys \
                    nothing."
                .to_owned();
        }
        "waits" => {
            return "do what the line `Run` names; uploaded before that, the file waits."
                .to_owned();
        }
        "awaits_review" => "Then accept its version with `lapidary datasets accept`.",
        "awaits_approval" => "Then approve its run with `lapidary approve`.",
        _ => return of_rows.to_owned(),
    };
    format!("{of_rows} {after}")
}

/// The price and the time of tuning on the rows, and what would become of the run.
fn price_lines(price: &Price, drops: &PredictedDrops) -> String {
    let Price {
        base_model: model,
        epochs,
        reason,
        ..
    } = price;
    let epochs = text::things(u64::from(*epochs), "epoch");
    let mut lines = Vec::new();
    if let Some(estimate) = &price.estimate {
        lines.push(format!(
            "Price: {} to tune {model} for {epochs}, {}",
            estimate.price(),
            estimate.tokens(),
        ));
        if let Some(serving) = &estimate.serving {
            lines.push(format!("Serving: {}", serving.price()));
        }
    }
    lines.push(match (price.outcome, price.is_certain) {
        ("runs", _) => format!("Run: goes ahead: {reason}"),
        ("awaits_review", _) => format!(
            "Run: waits until a person accepts the rows, see `Review`; by its price then: {reason}"
        ),
        ("awaits_approval", true) => format!("Run: waits for approval: {reason}"),
        ("awaits_approval", false) => {
            format!("Run: may wait for approval, by the service's count of tokens: {reason}")
        }
        ("waits", _) => format!("Run: {reason}"),
        (_, true) => format!("Run: would fail: {reason}"),
        (_, false) => format!("Run: may fail, by the service's count of tokens: {reason}"),
    });
    lines.extend(price.defaults.iter().map(|it| format!("Default: {it}")));
    lines.extend(price.warnings.iter().map(|it| format!("Warning: {it}")));
    let Minutes { least, most } = price.minutes;
    lines.push(format!(
        "Time: usually {least} to {most} minutes once the job runs; waiting for quota can add hours."
    ));
    let rows = match drops.rows {
        0 => "none".to_owned(),
        rows => text::things(rows, "row"),
    };
    lines.push(format!(
        "Drops: of the kept rows, the service would drop {rows}."
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use shared::run::Estimate;

    use super::*;

    /// Checks `file` by the recipe next to it.
    fn checked(file: &Path) -> Result<Preflight, preflight::Error> {
        preflight::check(
            file,
            None,
            &Screen::new(),
            CleaningLimits::default().machine(),
            &SettingOverrides::default(),
            &EarlierVersions::default(),
        )
    }

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
            let result = checked(&file);
            let conditions = PlanArgs::default().conditions().unwrap();
            serde_json::to_value(json(&file, &result, &conditions)).unwrap()
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
    fn the_next_step_and_the_line_of_the_run_agree() {
        let next = |outcome| next_step(outcome, "upload it.");
        assert_eq!(next("runs"), "upload it.");
        assert!(next("awaits_review").starts_with("upload it. Then accept"));
        assert!(next("awaits_approval").starts_with("upload it. Then approve"));
        for outcome in ["waits", "fails"] {
            assert!(!next(outcome).contains("upload it"), "{outcome}");
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("rows.jsonl");
        let conditions = PlanArgs::default().conditions().unwrap();
        let text = |recipe: &str, rows: u32| {
            std::fs::write(directory.path().join("recipe.toml"), recipe).unwrap();
            let row =
                |n| format!("{{\"input\":\"question {n}\",\"output\":\"one two {n} four\"}}\n");
            std::fs::write(&file, (0..rows).map(row).collect::<String>()).unwrap();
            let result = checked(&file);
            let code = file_code(&file, &result, &conditions);
            (render(&file, &result.unwrap(), &conditions), code)
        };
        for (recipe, rows, run, next, code) in [
            ("", 300, "\nRun: goes ahead", "upload", 0),
            (
                "[tune]\nbudget_usd = 0.0",
                300,
                "\nRun: waits for approval",
                "lapidary approve",
                0,
            ),
            (
                "[tune]\nbase_model = 'gemini-2.5-flash'",
                300,
                "\nRun: would fail",
                "check",
                2,
            ),
            (
                "",
                12,
                "\nRun: waits until a person accepts",
                "datasets accept",
                0,
            ),
        ] {
            let (text, found) = text(recipe, rows);
            assert!(text.contains(run), "{recipe}: {text}");
            assert_eq!(text.matches(NEXT).count(), 1, "{text}");
            let last = text.lines().last().unwrap();
            assert!(last.starts_with(NEXT) && last.contains(next), "{text}");
            assert_eq!(found, code, "{text}");
        }
    }

    #[test]
    fn a_check_says_what_becomes_of_the_run() {
        let estimate = Estimate {
            tokens_low: 186_000,
            tokens_high: 372_000,
            usd_low: 0.558,
            usd_high: 1.116,
            ..Estimate::unknown()
        };
        let priced = |outcome, reason: &str| Price {
            base_model: "gemini-3.1-flash-lite".to_owned(),
            epochs: 3,
            training_tokens: 186_000,
            training_tokens_max: 372_000,
            usd: Some(0.558),
            usd_max: Some(1.116),
            serving: None,
            budget_usd: 5.0,
            outcome,
            is_certain: true,
            reason: reason.to_owned(),
            warnings: Vec::new(),
            defaults: Vec::new(),
            minutes: Minutes {
                least: 15,
                most: 120,
            },
            as_of: "2026-10-01".to_owned(),
            estimate: Some(estimate.clone()),
        };
        let drops = PredictedDrops {
            rows: 1,
            ..PredictedDrops::default()
        };
        let mut unpriced = priced("fails", "no price of tuning is known");
        unpriced.estimate = None;
        let mut warned = priced("awaits_approval", "costs about $7.00");
        warned.warnings = vec!["tune.epochs is 40".to_owned()];
        warned.defaults = vec!["tune.adapter_size is not set: 4, since it is usual".to_owned()];
        let lines = [
            price_lines(
                &priced("runs", "costs about $0.56"),
                &PredictedDrops::default(),
            ),
            price_lines(&warned, &drops),
            price_lines(&unpriced, &PredictedDrops::default()),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        Price: $0.56 to $1.12 to tune gemini-3.1-flash-lite for 3 epochs, 186,000 to 372,000 tokens
        Run: goes ahead: costs about $0.56
        Time: usually 15 to 120 minutes once the job runs; waiting for quota can add hours.
        Drops: of the kept rows, the service would drop none.
        Price: $0.56 to $1.12 to tune gemini-3.1-flash-lite for 3 epochs, 186,000 to 372,000 tokens
        Run: waits for approval: costs about $7.00
        Default: tune.adapter_size is not set: 4, since it is usual
        Warning: tune.epochs is 40
        Time: usually 15 to 120 minutes once the job runs; waiting for quota can add hours.
        Drops: of the kept rows, the service would drop 1 row.
        Run: would fail: no price of tuning is known
        Time: usually 15 to 120 minutes once the job runs; waiting for quota can add hours.
        Drops: of the kept rows, the service would drop none.
        ");
    }
}
