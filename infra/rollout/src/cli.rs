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
    carrier::{Carrier, Limits},
    chain,
    images::{self, Image},
    observe::Observer,
    provenance::{self, Origin, Sources},
    release::{Place, release},
    smoke::Asker,
    steps::{Span, Steps},
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
    /// Refuses images that do not come from a build and its sources.
    Provenance(Provenance),
    /// Brings images to Cloud Run: canary, smoke test, traffic step by step, and all of it back
    /// where something fails.
    Release(Release),
}

#[derive(Debug, Args)]
struct Provenance {
    /// A JSON file: function to image, each by digest.
    #[arg(long, value_name = "FILE")]
    images: PathBuf,
    /// A folder: of each function, in FUNCTION.json, what `gcloud artifacts docker images describe
    /// --show-provenance --format=json` says of its image.
    #[arg(long, value_name = "DIR")]
    answers: PathBuf,
    /// The build that must have made the images.
    #[arg(long, value_name = "ID")]
    build: String,
    /// The commit that it must have made them of.
    #[arg(long, value_name = "SHA", required_unless_present = "archive")]
    commit: Option<String>,
    /// Where the archive lies that it must have made them of, for a build that a person submitted:
    /// `gs://BUCKET/FOLDER/`.
    #[arg(long, value_name = "BELOW", conflicts_with = "commit")]
    archive: Option<String>,
}

#[derive(Debug, Args)]
struct Release {
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
  0  all images come from where they must; released, or nothing was to be done
  1  something failed: what, what was done about it, and what comes next are the last lines
  2  wrong usage";

/// A failure before anything was touched.
type Fault = Box<dyn std::error::Error>;

/// Parses the command line and does what it says.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Provenance(asked) => check(&asked),
        Command::Release(asked) => start_release(&asked),
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

/// Whether every image comes from where it must.
fn check(asked: &Provenance) -> Result<bool, Fault> {
    let images = read_images(&asked.images)?;
    let sources = match (&asked.commit, &asked.archive) {
        (Some(commit), _) => Sources::Commit(commit.clone()),
        (None, Some(below)) => Sources::Archive(below.clone()),
        (None, None) => return Err("neither a commit nor an archive is named".into()),
    };
    let origin = Origin {
        build: asked.build.clone(),
        sources,
    };
    // Whoever does not read is no reason to refuse.
    let say = |line: &str| {
        let _unread = writeln!(io::stdout(), "{line}");
    };
    let mut right = true;
    for (function, image) in &images {
        let file = asked.answers.join(format!("{function}.json"));
        let answer = serde_json::from_str(&read(&file)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        match provenance::judge(&answer, image, &origin) {
            Ok(()) => say(&format!("{function}: {} is of this build", image.short())),
            Err(refusal) => {
                right = false;
                say(&format!("REFUSED: {function}: {image}: {refusal}"));
            }
        }
    }
    let Origin { build, sources } = origin;
    if right {
        say(&format!(
            "All images were made by build {build} of {sources}."
        ));
    } else {
        say(&format!(
            "REFUSED: not all images were made by build {build} of {sources}."
        ));
    }
    Ok(right)
}

fn read(file: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn read_images(file: &Path) -> Result<BTreeMap<String, Image>, Fault> {
    Ok(images::parse(&read(file)?, &chain::members()?)?)
}

fn start_release(asked: &Release) -> Result<bool, Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(Box::pin(start(asked)))
}

async fn start(asked: &Release) -> Result<bool, Fault> {
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
    let images = read_images(&asked.images)?;
    let mut carrier = connect(asked)?;
    let place = Place {
        project: &asked.project,
        region: &asked.region,
    };
    let began = Instant::now();
    let mut say = |line: &str| {
        let seconds = began.elapsed().as_secs();
        // Whoever does not read is no reason to stop half-way.
        let _unread = writeln!(io::stdout(), "[{seconds:>5} s] {line}");
    };
    let steps = &asked.steps;
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

fn connect(asked: &Release) -> Result<Carrier, Fault> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    let mut vars: Vars = std::env::vars().collect();
    vars.insert("GOOGLE_CLOUD_PROJECT".to_owned(), asked.project.clone());
    if let Some(url) = &asked.run_url {
        vars.insert("RUN_ENDPOINT".to_owned(), url.clone());
    }
    let mut reader = Reader::new(&vars);
    let clock = Clock::read(&mut reader);
    let google = Google::read("rollout", &mut reader);
    let (clock, google) = reader.finish(|| Some((clock?, google?)))?;
    let project = &asked.project;
    let limit: Duration = asked.smoke_max.0;
    let limits = Limits {
        ready: asked.ready_max.0,
        soak: asked.soak.0,
    };
    Ok(Carrier::new(
        Admin::new(google.rest(Api::Run)?, project, &asked.region),
        Asker::connect(&google, project, clock, limit)?,
        Observer {
            monitoring: google.rest(Api::Monitoring)?,
            project: project.clone(),
        },
        clock,
        limits,
    ))
}
