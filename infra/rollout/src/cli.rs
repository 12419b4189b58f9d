//! The command line.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, Parser, Subcommand};
use shared::{
    clock::Clock,
    config::{Reader, Vars},
    error::Chain,
    google::{Api, Google},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    admin::Admin,
    chain,
    executor::{Executor, TimeLimits},
    images::{self, Image},
    observer::Observer,
    provenance::{self, Origin, Sources},
    release::{ReleaseTarget, release},
    smoke_test::SmokeTester,
    steps::{DurationArg, Steps},
};

/// A release of images to Cloud Run.
#[derive(Debug, Parser)]
#[command(name = "rollout", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks that images were built by one build from its sources.
    Provenance(ProvenanceArgs),
    /// Releases images to Cloud Run: canary, smoke test, traffic step by step; and a rollback of
    /// everything where something fails.
    Release(ReleaseArgs),
}

#[derive(Debug, Args)]
struct ProvenanceArgs {
    /// A JSON file that maps each function to its image, by digest.
    #[arg(long, value_name = "FILE")]
    images: PathBuf,
    /// A folder with the output of `gcloud artifacts docker images describe --show-provenance
    /// --format=json` for each image, in FUNCTION.json.
    #[arg(long, value_name = "DIR")]
    answers: PathBuf,
    /// The build that must have built the images.
    #[arg(long, value_name = "ID")]
    build: String,
    /// The commit that it must have built them from.
    #[arg(long, value_name = "SHA", required_unless_present = "archive")]
    commit: Option<String>,
    /// For a build that a person submitted: the address below which the archive lies that it must
    /// have built them from, as `gs://BUCKET/FOLDER/`.
    #[arg(long, value_name = "BELOW", conflicts_with = "commit")]
    archive: Option<String>,
}

#[derive(Debug, Args)]
struct ReleaseArgs {
    /// The project of the services.
    #[arg(long, env = "GOOGLE_CLOUD_PROJECT")]
    project: String,
    /// The region of the services.
    #[arg(long)]
    region: String,
    /// A JSON file that maps each function to its image, by digest.
    #[arg(long, value_name = "FILE")]
    images: PathBuf,
    /// The percentages of the traffic, one after the other, up to 100.
    #[arg(long, default_value = "10,50,100")]
    steps: Steps,
    /// How long to watch the errors at each percentage. Counts arrive up to three minutes late.
    #[arg(long, default_value = "300s")]
    soak: DurationArg,
    /// Longest wait for a new revision to be ready.
    #[arg(long, default_value = "10m")]
    ready_max: DurationArg,
    /// Longest wait for the answer to a smoke test.
    #[arg(long, default_value = "2m")]
    smoke_max: DurationArg,
    /// The address of the Cloud Run Admin API, if it is not Google's.
    #[arg(long, env = "RUN_ENDPOINT", value_name = "URL")]
    run_url: Option<String>,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  `provenance`: every image has the expected provenance; `release`: everything is released
  1  something failed: the last lines say what, what was done about it, and what to do next
  2  wrong usage";

/// A failure before anything was changed.
type SetupError = Box<dyn std::error::Error>;

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Provenance(args) => check(&args),
        Command::Release(args) => start_release(&args),
    };
    match done {
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

/// Checks every image; returns whether all of them have the expected provenance.
fn check(args: &ProvenanceArgs) -> Result<bool, SetupError> {
    let images = read_images(&args.images)?;
    let sources = match (&args.commit, &args.archive) {
        (Some(commit), _) => Sources::Commit(commit.clone()),
        (None, Some(below)) => Sources::Archive(below.clone()),
        (None, None) => return Err("expected --commit or --archive, found neither".into()),
    };
    let origin = Origin {
        build: args.build.clone(),
        sources,
    };
    // Output that cannot be written, as to a closed pipe, does not decide the result.
    let print = |line: &str| {
        let _may_fail = writeln!(io::stdout(), "{line}");
    };
    let mut all_match = true;
    for (function, image) in &images {
        let file = args.answers.join(format!("{function}.json"));
        let answer = serde_json::from_str(&read(&file)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        match provenance::verify(&answer, image, &origin) {
            Ok(()) => print(&format!(
                "{function}: {} was built by this build",
                image.short()
            )),
            Err(refusal) => {
                all_match = false;
                print(&format!("REFUSED: {function}: {image}: {refusal}"));
            }
        }
    }
    let Origin { build, sources } = origin;
    if all_match {
        print(&format!(
            "All images were built by build {build} from {sources}."
        ));
    } else {
        print(&format!(
            "REFUSED: not all images were built by build {build} from {sources}."
        ));
    }
    Ok(all_match)
}

fn read(file: &Path) -> Result<String, SetupError> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn read_images(file: &Path) -> Result<BTreeMap<String, Image>, SetupError> {
    Ok(images::parse(&read(file)?, &chain::functions()?)?)
}

fn start_release(args: &ReleaseArgs) -> Result<bool, SetupError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(Box::pin(start(args)))
}

async fn start(args: &ReleaseArgs) -> Result<bool, SetupError> {
    // Before anything is changed: a signal without a handler would kill the release half-way.
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
    let specs = chain::functions()?;
    let images = read_images(&args.images)?;
    let mut executor = connect(args)?;
    let target = ReleaseTarget {
        project: &args.project,
        region: &args.region,
    };
    let started = Instant::now();
    let mut print = |line: &str| {
        let seconds = started.elapsed().as_secs();
        // Output that cannot be written does not stop a release half-way.
        let _may_fail = writeln!(io::stdout(), "[{seconds:>5} s] {line}");
    };
    let steps = &args.steps;
    let released = release(
        &mut executor,
        &target,
        specs,
        &images,
        steps,
        stop,
        &mut print,
    );
    Ok(released.await?)
}

fn connect(args: &ReleaseArgs) -> Result<Executor, SetupError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    let mut vars: Vars = std::env::vars().collect();
    vars.insert("GOOGLE_CLOUD_PROJECT".to_owned(), args.project.clone());
    if let Some(url) = &args.run_url {
        vars.insert("RUN_ENDPOINT".to_owned(), url.clone());
    }
    let mut reader = Reader::new(&vars);
    let clock = Clock::read(&mut reader);
    let google = Google::read("rollout", &mut reader);
    let (clock, google) = reader.finish(|| Some((clock?, google?)))?;
    let project = &args.project;
    let limit: Duration = args.smoke_max.0;
    let limits = TimeLimits {
        ready: args.ready_max.0,
        soak: args.soak.0,
    };
    Ok(Executor::new(
        Admin::new(google.rest(Api::Run)?, project, &args.region),
        SmokeTester::connect(&google, project, clock, limit)?,
        Observer {
            monitoring: google.rest(Api::Monitoring)?,
            project: project.clone(),
        },
        clock,
        limits,
    ))
}
