//! `lapidary up`: keeps the system running until it is stopped.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use emulators::clock::Clock;
use rapidfuzz::distance::jaro_winkler;

use crate::{
    doctor::CloudConfig,
    exit::CommandResult,
    output, session,
    stack::{Stack, StackOptions},
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lapidary up --data .lapidary/data --speed 60
  lapidary up --set CLEAN_JOB_ABOVE_BYTES=1000000 --set CLEAN_TASK_BYTES=500000")]
pub(crate) struct Args {
    /// The port of the emulated Google APIs on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 8_900)]
    port: u16,
    /// The directory of uploads, documents and messages, which survive a restart.
    #[arg(long, value_name = "DIR", default_value = ".lapidary/data")]
    data: PathBuf,
    /// The speed of simulated time: at 60, an hour of tuning takes a minute.
    #[arg(long, default_value_t = 60.0, value_parser = speed)]
    speed: f64,
    /// The file to which the addresses are written once everything is ready.
    #[arg(long, value_name = "PATH", default_value = session::ENV_FILE)]
    env_file: PathBuf,
    /// A setting of the functions, by its name in their READMEs, in place of its default.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> CommandResult {
    let clock = clock(&args.data, args.speed)?;
    let stack = Stack::start(StackOptions {
        program: std::env::current_exe()?,
        port: args.port,
        data: Some(args.data),
        clock,
        policy: None,
        settings: args.settings.into_iter().collect(),
    })
    .await?;
    let addresses = stack.environment();
    write_env(&args.env_file, &addresses)?;
    output::write(&banner(&addresses, &args.env_file))?;
    stopped().await?;
    stack.stop().await;
    let _gone_already = std::fs::remove_file(&args.env_file);
    Ok(ExitCode::SUCCESS)
}

/// `NAME=VALUE`, where a function has a setting of this name.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let config = CloudConfig::load().map_err(|error| error.to_string())?;
    let known = config.settings();
    if known.contains(name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let likeness = |known: &&&str| jaro_winkler::similarity(name.chars(), known.chars());
    let nearest = known
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    Err(format!(
        "no function has a setting `{name}`; the nearest is `{}`",
        nearest.unwrap_or(&"")
    ))
}

fn banner(addresses: &BTreeMap<String, String>, env_file: &Path) -> String {
    let mut text =
        "Lapidary is running. Vertex AI is simulated: no model is trained, nothing is billed.\n\n"
            .to_owned();
    for (name, value) in addresses {
        let _infallible = writeln!(text, "  {name}={value}");
    }
    let file = env_file.display();
    let _infallible = writeln!(text, "\nThe addresses are in {file}. Stop with Ctrl-C.");
    text
}

/// Waits for Ctrl-C or SIGTERM.
async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// A clock that continues the one with which `data` was last used.
///
/// Simulated time must not run backwards over stored data: leases, retention and jobs depend on it. So
/// the first start stores its origin, and later ones keep it.
fn clock(data: &Path, speed: f64) -> Result<Clock, Box<dyn std::error::Error>> {
    let file = data.join("clock.json");
    let clock = match std::fs::read_to_string(&file) {
        Ok(text) => Clock::continued(&serde_json::from_str(&text)?, speed).ok_or(
            "the clock of the data directory is ahead of the time at this --speed: use a higher one, or \
             another --data",
        )?,
        Err(_) => Clock::starting_now(speed),
    };
    std::fs::create_dir_all(data)?;
    std::fs::write(&file, serde_json::to_string(&clock.state())?)?;
    Ok(clock)
}

/// Writes the addresses atomically: a script may wait for the file, and must find it complete.
fn write_env(path: &Path, addresses: &BTreeMap<String, String>) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut text = String::new();
    for (name, value) in addresses {
        let _infallible = writeln!(text, "{name}={value}");
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text)?;
    std::fs::rename(&partial, path)
}

/// The speed of simulated time.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && (1.0..=1_000.0).contains(&speed) => Ok(speed),
        _ => Err("expected a number from 1 to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_no_function_has_is_refused() {
        let given = setting("TUNE_JOBS_MAX=2").unwrap();
        assert_eq!(given, ("TUNE_JOBS_MAX".to_owned(), "2".to_owned()));
        let misspelt = setting("TUNE_JOB_MAX=2").unwrap_err();
        assert!(misspelt.contains("`TUNE_JOBS_MAX`"), "{misspelt}");
        assert_eq!(setting("TUNE_JOBS_MAX").unwrap_err(), "expected NAME=VALUE");
    }
}
