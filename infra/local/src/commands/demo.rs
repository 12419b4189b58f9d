//! `lapidary demo`: runs the whole chain on a stack of its own, from rows to an answer.

mod answer;
mod input;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use emulators::clock::Clock;
use futures::future::join_all;
use shared::error::Chain;
use tokio::time::Instant;

use self::input::DemoInput;
use crate::{
    commands::{drop, up},
    earlier_versions::EarlierVersions,
    exit::{self, CommandResult},
    output, preflight,
    process::LogLine,
    screen::Screen,
    serve::FUNCTIONS,
    session::Session,
    stack::{Stack, StackOptions},
    timeline::{
        ChainSnapshot, Ending,
        follower::{self, Watchdog},
        reader::Subject,
        render, summary,
    },
};

/// Longest time without any change, by the stack's clock: the longest wait of a simulated job and
/// a margin.
const QUIET_SIMULATED: Duration = Duration::from_hours(3);
/// The same by the wall clock, at least: enough for a busy machine.
const QUIET_MIN: Duration = Duration::from_secs(90);
/// Warnings and errors of the functions that are shown after a failure.
const WARNINGS_MAX: usize = 12;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each file is a dataset, named after the file or, for `data.jsonl`, after its folder. A `recipe.toml`
next to a file is used. Without FILE, the demo uses some 600 support tickets with typical faults.

Examples:
  lapidary demo
  lapidary demo rows.jsonl --speed 60

Exit codes:
  0  the chain ended for every file, whatever it decided
  1  a failure, or no progress for too long
  2  a file cannot be used")]
pub(crate) struct Args {
    /// The rows.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The speed of simulated time: at 150, an hour of tuning takes 24 seconds.
    #[arg(long, default_value_t = 150.0, value_parser = up::speed)]
    speed: f64,
    /// The port of the emulated Google APIs on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Why the chain failed for one file.
#[derive(Debug, thiserror::Error)]
enum ChainError {
    /// The upload failed.
    #[error("the upload failed")]
    Upload(#[from] drop::Error),
    /// The chain did not end.
    #[error("the chain did not end")]
    Follow(#[from] follower::Error),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let (inputs, _directory) = match input::inputs(&args.files) {
        Ok(inputs) => inputs,
        Err(error) => return Ok(exit::unusable(&error)),
    };
    let screen = Screen::new();
    screen.print(
        "Vertex AI is simulated: no model is trained, nothing is billed, nothing leaves this machine.",
    );
    let starting = Stack::start(StackOptions {
        program: std::env::current_exe()?,
        port: args.port,
        data: None,
        clock: Clock::starting_now(args.speed),
        policy: None,
        settings: BTreeMap::new(),
    });
    let stack = tokio::select! {
        stack = Box::pin(starting) => stack?,
        interrupted = tokio::signal::ctrl_c() => return stopped(interrupted),
    };
    let finished = tokio::select! {
        code = Box::pin(run_chains(&stack, &inputs, &screen)) => Ok(code?),
        interrupted = tokio::signal::ctrl_c() => Err(interrupted),
    };
    stack.stop().await;
    match finished {
        Ok(code) => Ok(ExitCode::from(code)),
        Err(interrupted) => stopped(interrupted),
    }
}

fn stopped(interrupted: std::io::Result<()>) -> CommandResult {
    interrupted?;
    Ok(ExitCode::from(exit::INTERRUPTED))
}

/// Runs the chain for every file, and prints a summary of each; returns the exit code.
async fn run_chains(
    stack: &Stack,
    inputs: &[DemoInput],
    screen: &Screen,
) -> Result<u8, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let session = Session::connect(&stack.environment()).await?;
    screen.print(&format!(
        "The system is running: {} functions, emulated Google APIs at {}.",
        FUNCTIONS.len(),
        session.address("STORAGE_EMULATOR_HOST")?
    ));
    let quiet_max = session.clock.real(QUIET_SIMULATED).max(QUIET_MIN);
    let watchdog = Watchdog::new(quiet_max);
    let chains = inputs
        .iter()
        .map(|input| chain(&session, input, screen, &watchdog));
    let ends = join_all(chains).await;
    let mut codes = Vec::new();
    for (input, end) in inputs.iter().zip(ends) {
        codes.push(summarise(&session, input, end).await?);
    }
    if codes.contains(&1) {
        print_warnings(&stack.log_lines());
    }
    let seconds = started.elapsed().as_secs();
    screen.print(&format!(
        "\nThe chain took {seconds} s. Vertex AI was simulated."
    ));
    // Code 1 comes before 2: a failure of the system matters more than an unusable file.
    let failed = codes.iter().copied().find(|code| *code == 1);
    Ok(failed.or(codes.into_iter().max()).unwrap_or_default())
}

/// Uploads one file, and follows it to the end of the chain.
async fn chain(
    session: &Session,
    input: &DemoInput,
    screen: &Screen,
    watchdog: &Watchdog,
) -> Result<ChainSnapshot, ChainError> {
    let name = input.dataset.as_str();
    let uploaded = drop::upload(session, &input.file, &input.dataset, None).await?;
    screen.print(&format!("{name} +0:00:00 uploaded {}", uploaded.artifact));
    let subject = Subject::Upload(uploaded.upload_id());
    let is_over = |snapshot: &ChainSnapshot| snapshot.ending().is_some();
    let end = follower::follow(session, &subject, name, screen, watchdog, is_over).await?;
    Ok(end)
}

/// Prints the summary of one file; returns its exit code.
async fn summarise(
    session: &Session,
    input: &DemoInput,
    end: Result<ChainSnapshot, ChainError>,
) -> std::io::Result<u8> {
    output::write(&format!("\n── {} {}\n", input.dataset, "─".repeat(60)))?;
    let end = match end {
        Ok(end) => end,
        Err(error) => {
            Screen::new().print(&format!("error: {}: {}", input.dataset, Chain(&error)));
            return Ok(match error {
                ChainError::Upload(drop::Error::Read { .. } | drop::Error::Recipe { .. }) => 2,
                ChainError::Upload(_) | ChainError::Follow(_) => 1,
            });
        }
    };
    output::write(&render(&summary(&end)))?;
    let Some(ending) = end.ending() else {
        return Ok(1);
    };
    let more = match ending {
        Ending::Decided => render(&Box::pin(answer::request(session, &end)).await),
        // The document has only the most severe finding; the file itself shows all of them.
        Ending::Unusable => match preflight::check(
            &input.file,
            None,
            &Screen::new(),
            clean_engine::Machine::default(),
            &preflight::SettingOverrides::default(),
            &EarlierVersions::default(),
        ) {
            Ok(preflight) => format!("\n{}", clean_engine::render(&preflight.cleaned.report)),
            Err(_) => String::new(),
        },
        Ending::AwaitsReview => review(input, &end),
        Ending::AwaitsApproval => approval(input, &end),
        Ending::Failed | Ending::Stopped => String::new(),
    };
    output::write(&more)?;
    Ok(ending.exit_code())
}

/// How to accept the rows: not on this stack, which ends with the demo.
fn review(input: &DemoInput, end: &ChainSnapshot) -> String {
    let version = end.version.as_ref();
    let id = version.map_or("VERSION", |version| version.id.as_str());
    format!(
        "\nNothing is planned before a person accepts the rows. On a stack that keeps running:\n  \
         lapidary up &\n  lapidary drop {} --dataset {}\n  lapidary datasets accept {id}\n",
        input.file.display(),
        input.dataset,
    )
}

/// How to approve the price: not on this stack, which ends with the demo.
fn approval(input: &DemoInput, end: &ChainSnapshot) -> String {
    // The id is derived from rows, recipe and plan, so it is the same on another stack.
    let run = end.run.as_ref().map_or("RUN", |run| run.id.as_str());
    format!(
        "\nNothing is bought before a person approves the price. On a stack that keeps running:\n  \
         lapidary up &\n  lapidary drop {} --dataset {}\n  lapidary approve {run}\n",
        input.file.display(),
        input.dataset,
    )
}

fn print_warnings(lines: &[Arc<LogLine>]) {
    let warnings = last_warnings(lines);
    if !warnings.is_empty() {
        output::print_note("\nThe last warnings and errors of the functions:");
        for line in warnings {
            output::print_note(&format!("  {line}"));
        }
    }
}

/// The last log lines of the functions with severity WARNING or higher.
fn last_warnings(lines: &[Arc<LogLine>]) -> Vec<String> {
    let text = |line: &LogLine, field: &str| {
        let value = line.entry.get(field).and_then(serde_json::Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let mut warnings: Vec<String> = lines
        .iter()
        .rev()
        .filter(|line| {
            matches!(
                text(line, "severity").as_str(),
                "WARNING" | "ERROR" | "CRITICAL"
            )
        })
        .take(WARNINGS_MAX)
        .map(|line| {
            format!(
                "{} {}: {}",
                line.function,
                text(line, "severity"),
                text(line, "message")
            )
        })
        .collect();
    warnings.reverse();
    warnings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_warnings_and_errors_are_shown() {
        let line = |severity: &str, message: &str| LogLine {
            execution: None,
            function: "tune".to_owned(),
            entry: json!({"severity": severity, "message": message}),
        };
        let lines = [line("WARNING", "a"), line("INFO", "b"), line("ERROR", "c")].map(Arc::new);
        assert_eq!(last_warnings(&lines), ["tune WARNING: a", "tune ERROR: c"]);
    }
}
