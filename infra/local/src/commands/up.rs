//! `lapidary up`: the system, until it is stopped.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use emulators::clock::Clock;

use crate::{
    cli::Outcome,
    output, session,
    stack::{Options, Stack},
};

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lapidary up --data .lapidary/data --speed 60
  lapidary up --set CLEAN_JOB_ABOVE_BYTES=1000000 --set CLEAN_TASK_BYTES=500000")]
pub(crate) struct Args {
    /// The port of the Google APIs on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8_900)]
    port: u16,
    /// Where uploads, documents and messages survive a restart.
    #[arg(long, value_name = "DIR", default_value = ".lapidary/data")]
    data: PathBuf,
    /// How fast simulated time runs: at 60, an hour of tuning takes a minute.
    #[arg(long, default_value_t = 60.0, value_parser = speed)]
    speed: f64,
    /// Where the addresses are written once all is ready.
    #[arg(long, value_name = "PATH", default_value = session::ENV_FILE)]
    env_file: PathBuf,
    /// A setting of the functions, by the name their READMEs have for it, in place of its default.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Outcome {
    let clock = clock(&args.data, args.speed)?;
    let stack = Stack::start(Options {
        program: std::env::current_exe()?,
        port: args.port,
        data: Some(args.data),
        clock,
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

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn banner(addresses: &BTreeMap<String, String>, env_file: &Path) -> String {
    let mut text =
        "Lapidary is up. Vertex AI is simulated: no model is trained, nothing is billed.\n\n"
            .to_owned();
    for (name, value) in addresses {
        let _infallible = writeln!(text, "  {name}={value}");
    }
    let file = env_file.display();
    let _infallible = writeln!(text, "\nAddresses are in {file}. Stop with Ctrl-C.");
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

/// A clock that goes on from the one that `data` was last used with.
///
/// Simulated time must not run backwards over what is stored: leases, retention and jobs count
/// on it. So the first start writes its origin down and later ones keep it.
fn clock(data: &Path, speed: f64) -> Result<Clock, Box<dyn std::error::Error>> {
    let file = data.join("clock.json");
    let clock = match std::fs::read_to_string(&file) {
        Ok(text) => Clock::continued(&serde_json::from_str(&text)?, speed).ok_or(
            "the data directory's clock is ahead of the wall's: use a higher --speed or another --data",
        )?,
        Err(_) => Clock::starting_now(speed),
    };
    std::fs::create_dir_all(data)?;
    std::fs::write(&file, serde_json::to_string(&clock.state())?)?;
    Ok(clock)
}

/// Writes the addresses at once: whoever waits for the file finds it whole.
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

/// A factor that the stack's time may run at.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && (1.0..=1_000.0).contains(&speed) => Ok(speed),
        _ => Err("must be 1 to 1000".to_owned()),
    }
}
