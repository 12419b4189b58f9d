//! `lapidary demo`: the whole chain on a stack of its own, from rows to an answer.

mod answer;
mod input;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Duration};

use emulators::clock::Clock;
use futures::future::join_all;
use shared::error::Chain;
use tokio::time::Instant;

use self::input::Input;
use crate::{
    cli::Outcome,
    commands::{drop, up},
    earlier::Earlier,
    output, preflight,
    process::LogLine,
    session::Session,
    stack::{Options, Stack},
    story::{
        Ending, Snapshot, account,
        follow::{self, Pulse},
        read::Subject,
        render,
        screen::Screen,
    },
};

/// How long nothing at all may change: by the stack's clock the longest wait of a simulated job
/// and then some, and by the wall's enough for a busy machine.
const QUIET_SIMULATED: Duration = Duration::from_hours(3);
const QUIET_MIN: Duration = Duration::from_secs(90);
/// Warnings and errors of the functions that are shown when something broke.
const TROUBLES_MAX: usize = 12;
/// What a shell takes for "stopped by Ctrl-C".
const INTERRUPTED: u8 = 130;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each file is a dataset of its own, called by its name, or by its folder where it is `data.jsonl`.
A `recipe.toml` beside a file is used. Without FILE: some 600 support tickets with faults in them.

Examples:
  lapidary demo
  lapidary demo rows.jsonl --speed 60

Exit codes:
  0  the chain came to its end for every file, whatever it decided
  1  something broke, or stood still for too long
  2  a file cannot be used")]
pub(crate) struct Args {
    /// The rows.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How fast simulated time runs: at 150, an hour of tuning takes 24 seconds.
    #[arg(long, default_value_t = 150.0, value_parser = up::speed)]
    speed: f64,
    /// The port of the Google APIs on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Why one file's chain broke.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// The upload failed.
    #[error("it could not be uploaded")]
    Upload(#[from] drop::Error),
    /// The chain stood still.
    #[error("the chain did not come to its end")]
    Follow(#[from] follow::Error),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let (inputs, _unpacked) = input::inputs(&args.files)?;
    let screen = Screen::new();
    screen.say("Vertex AI is simulated: no model is trained, nothing is billed, nothing leaves this machine.");
    let starting = Stack::start(Options {
        program: std::env::current_exe()?,
        port: args.port,
        data: None,
        clock: Clock::starting_now(args.speed),
        settings: BTreeMap::new(),
    });
    let stack = tokio::select! {
        stack = Box::pin(starting) => stack?,
        interrupted = tokio::signal::ctrl_c() => return stopped(interrupted),
    };
    let played = tokio::select! {
        played = Box::pin(play(&stack, &inputs, &screen)) => Ok(played?),
        interrupted = tokio::signal::ctrl_c() => Err(interrupted),
    };
    stack.stop().await;
    match played {
        Ok(code) => Ok(ExitCode::from(code)),
        Err(interrupted) => stopped(interrupted),
    }
}

fn stopped(interrupted: std::io::Result<()>) -> Outcome {
    interrupted?;
    Ok(ExitCode::from(INTERRUPTED))
}

/// Plays every file to its end, and accounts for each; the exit code.
async fn play(
    stack: &Stack,
    inputs: &[Input],
    screen: &Screen,
) -> Result<u8, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let session = Session::connect(&stack.environment()).await?;
    screen.say(&format!(
        "The system is up: {} functions, Google APIs at {}.",
        crate::serve::FUNCTIONS.len(),
        session.address("STORAGE_EMULATOR_HOST")?
    ));
    let quiet_max = session.clock.real(QUIET_SIMULATED).max(QUIET_MIN);
    let pulse = Pulse::new(quiet_max);
    let chains = inputs
        .iter()
        .map(|input| chain(&session, input, screen, &pulse));
    let ends = join_all(chains).await;
    let mut codes = Vec::new();
    for (input, end) in inputs.iter().zip(ends) {
        codes.push(close(&session, input, end).await?);
    }
    if codes.contains(&1) {
        print_troubles(&stack.log_lines());
    }
    let seconds = started.elapsed().as_secs();
    screen.say(&format!(
        "\n{seconds} s from the first row on. Vertex AI was simulated."
    ));
    // Broken outweighs unusable: the system's fault comes before the file's.
    let broken = codes.iter().copied().find(|code| *code == 1);
    Ok(broken.or(codes.into_iter().max()).unwrap_or_default())
}

/// One file, from its upload to the end of its story.
async fn chain(
    session: &Session,
    input: &Input,
    screen: &Screen,
    pulse: &Pulse,
) -> Result<Snapshot, Broken> {
    let name = input.dataset.as_str();
    let uploaded = drop::upload(session, &input.file, &input.dataset, None).await?;
    screen.say(&format!("{name} +0:00:00 uploaded {}", uploaded.artifact));
    let subject = Subject::Upload(uploaded.upload_id());
    let is_over = |snapshot: &Snapshot| snapshot.ending().is_some();
    let end = follow::follow(session, &subject, name, screen, pulse, is_over).await?;
    Ok(end)
}

/// Accounts for one file; its exit code.
async fn close(
    session: &Session,
    input: &Input,
    end: Result<Snapshot, Broken>,
) -> std::io::Result<u8> {
    output::write(&format!("\n── {} {}\n", input.dataset, "─".repeat(60)))?;
    let end = match end {
        Ok(end) => end,
        Err(error) => {
            Screen::new().say(&format!("error: {}: {}", input.dataset, Chain(&error)));
            return Ok(match error {
                Broken::Upload(drop::Error::Read { .. } | drop::Error::Recipe { .. }) => 2,
                Broken::Upload(_) | Broken::Follow(_) => 1,
            });
        }
    };
    output::write(&render(&account(&end)))?;
    let Some(ending) = end.ending() else {
        return Ok(1);
    };
    let more = match ending {
        Ending::Decided => render(&Box::pin(answer::ask(session, &end)).await),
        // The document holds the gravest finding; the file itself shows them all.
        Ending::Unusable => match preflight::look(
            &input.file,
            None,
            &Screen::new(),
            clean_engine::Machine::default(),
            None,
            &Earlier::default(),
        ) {
            Ok(preflight) => format!("\n{}", clean_engine::render(&preflight.cleaned.report)),
            Err(_) => String::new(),
        },
        Ending::AwaitsApproval => approval(input, &end),
        Ending::Failed | Ending::Stopped => String::new(),
    };
    output::write(&more)?;
    Ok(ending.exit_code())
}

/// How to say yes to a price: not here, since this stack goes away.
fn approval(input: &Input, end: &Snapshot) -> String {
    // The id follows from rows, recipe and plan: there it is the same.
    let run = end.run.as_ref().map_or("RUN", |run| run.id.as_str());
    format!(
        "\nNothing is bought without a person's yes. On a stack that stays up:\n  \
         lapidary up &\n  lapidary drop {} --dataset {}\n  lapidary approve {run}\n",
        input.file.display(),
        input.dataset,
    )
}

#[expect(clippy::print_stderr, reason = "this is what a person reads")]
fn print_troubles(lines: &[LogLine]) {
    let troubles = troubles(lines);
    if !troubles.is_empty() {
        eprintln!("\nThe last warnings and errors of the functions:");
        for line in troubles {
            eprintln!("  {line}");
        }
    }
}

/// The last lines of the functions that warn or worse.
fn troubles(lines: &[LogLine]) -> Vec<String> {
    let text = |line: &LogLine, field: &str| {
        let value = line.entry.get(field).and_then(serde_json::Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let mut troubles: Vec<String> = lines
        .iter()
        .rev()
        .filter(|line| {
            matches!(
                text(line, "severity").as_str(),
                "WARNING" | "ERROR" | "CRITICAL"
            )
        })
        .take(TROUBLES_MAX)
        .map(|line| {
            format!(
                "{} {}: {}",
                line.function,
                text(line, "severity"),
                text(line, "message")
            )
        })
        .collect();
    troubles.reverse();
    troubles
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_warnings_and_errors_are_troubles() {
        let line = |severity: &str, message: &str| LogLine {
            execution: None,
            function: "tune".to_owned(),
            entry: json!({"severity": severity, "message": message}),
        };
        let lines = [line("WARNING", "a"), line("INFO", "b"), line("ERROR", "c")];
        assert_eq!(troubles(&lines), ["tune WARNING: a", "tune ERROR: c"]);
    }
}
