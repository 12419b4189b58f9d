//! The command line.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use shared::{
    clock::Clock,
    config::{Reader, Vars},
    error::Chain,
    google::{Api, Google},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    admin::Admin,
    carrier::{Carrier, Limits},
    chain, images,
    observe::Observer,
    release::{Place, release},
    smoke::Asker,
    steps::{Span, Steps},
};

/// Brings images to Cloud Run: canary, smoke test, traffic step by step, and all of it back where
/// something fails.
#[derive(Debug, Parser)]
#[command(name = "rollout", version, after_help = AFTER_HELP)]
struct Cli {
    /// The project of the services.
    #[arg(long, env = "GOOGLE_CLOUD_PROJECT")]
    project: String,
    /// The region of the services.
    #[arg(long)]
    region: String,
    /// A JSON file: function to image, each by digest.
    #[arg(long, value_name = "FILE")]
    images: PathBuf,
    /// The shares of the traffic, in percent, one after the other.
    #[arg(long, default_value = "10,50,100")]
    steps: Steps,
    /// How long each share is watched. Counts are three minutes old when they are seen.
    #[arg(long, default_value = "300s")]
    soak: Span,
    /// Longest until a new revision is ready.
    #[arg(long, default_value = "10m")]
    ready_max: Span,
    /// Longest until a smoke test is answered.
    #[arg(long, default_value = "2m")]
    smoke_max: Span,
    /// Where Cloud Run's administration is; Google's unless told.
    #[arg(long, env = "RUN_ENDPOINT", value_name = "URL")]
    run_url: Option<String>,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  released, or nothing was to be done
  1  something failed: what, what was done about it, and what comes next are the last lines
  2  wrong usage";

/// A failure before anything was touched.
type Fault = Box<dyn std::error::Error>;

/// Parses the command line and releases.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let released = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(start(&cli))),
        Err(error) => Err(error.into()),
    };
    match released {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "this is what a person reads")]
            {
                eprintln!("FAILED before anything was changed: {}", Chain(&*error));
            }
            ExitCode::FAILURE
        }
    }
}

async fn start(cli: &Cli) -> Result<bool, Fault> {
    // Before anything is changed, so that no signal finds nobody who listens.
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let members = chain::members()?;
    let text = std::fs::read_to_string(&cli.images)
        .map_err(|error| format!("{}: {error}", cli.images.display()))?;
    let images = images::parse(&text, &members)?;
    let mut carrier = connect(cli)?;
    let place = Place {
        project: &cli.project,
        region: &cli.region,
    };
    let began = Instant::now();
    let mut say = |line: &str| {
        let seconds = began.elapsed().as_secs();
        // Whoever does not read is no reason to stop half-way.
        let _unread = writeln!(io::stdout(), "[{seconds:>5} s] {line}");
    };
    let steps = &cli.steps;
    let released = release(
        &mut carrier,
        &place,
        members,
        &images,
        steps,
        stop,
        &mut say,
    );
    Ok(released.await?)
}

fn connect(cli: &Cli) -> Result<Carrier, Fault> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    let mut vars: Vars = std::env::vars().collect();
    vars.insert("GOOGLE_CLOUD_PROJECT".to_owned(), cli.project.clone());
    if let Some(url) = &cli.run_url {
        vars.insert("RUN_ENDPOINT".to_owned(), url.clone());
    }
    let mut reader = Reader::new(&vars);
    let clock = Clock::read(&mut reader);
    let google = Google::read("rollout", &mut reader);
    let (clock, google) = reader.finish(|| Some((clock?, google?)))?;
    let project = &cli.project;
    let limit: Duration = cli.smoke_max.0;
    let limits = Limits {
        ready: cli.ready_max.0,
        soak: cli.soak.0,
    };
    Ok(Carrier::new(
        Admin::new(google.rest(Api::Run)?, project, &cli.region),
        Asker::connect(&google, project, clock, limit)?,
        Observer {
            monitoring: google.rest(Api::Monitoring)?,
            project: project.clone(),
        },
        clock,
        limits,
    ))
}
