//! From a generation in a bucket to the objects of a version, streamed both ways.

use clean_engine::{
    AppliedRule, Calibration, Cleaned, Error as CleanError, FrameError, Outcome, OutputFile,
    OutputFileSummary, Plan, Provenance, Report, Sample, Settings, Task, Verdict, Written, card,
};
use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use shared::{
    dataset::{Rows, StoredFile, Version},
    error::{Chain, Error},
    google::objects::Created,
    recipe::Recipe,
    uri::GcsUri,
};

use crate::{calibrate::calibrate, input::Input, order::Order, state::State, streams::Uploads};

/// The code that made a version is part of the version's name.
pub(crate) const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Largest part that is read for the sake of a few rows.
const CALIBRATION_BYTES_MAX: u64 = 8 << 20;

/// What rows are, to a browser.
const JSONL: &str = "application/jsonl";
/// What reports are.
const JSON: &str = "application/json";
/// What cards are (RFC 7763).
const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// What came of an upload's rows.
pub(crate) enum Made {
    /// A version; its objects exist.
    Version(Box<Version>),
    /// Nothing to train on, and why.
    Nothing(String),
    /// Nothing yet: every range must be judged anew by this plan.
    Again(Box<Plan>),
    /// Nothing yet: what was put down of this range, counted from 0, is not what was judged.
    Spoilt(usize),
}

/// Why there are no parts.
enum Stop {
    Failed(CleanError),
    Again(Plan),
}

/// Parses a recipe and the settings in it; `Err` says what is wrong, for people.
pub(crate) fn parse_recipe(text: &[u8]) -> Result<(Recipe, Settings), String> {
    let text = std::str::from_utf8(text).map_err(|_error| "recipe.toml is not UTF-8".to_owned())?;
    let recipe = Recipe::parse(text).map_err(|error| error.to_string())?;
    let settings = settings_of(&recipe)?;
    Ok((recipe, settings))
}

/// The settings in a recipe; `Err` says what is wrong with them, for people.
pub(crate) fn settings_of(recipe: &Recipe) -> Result<Settings, String> {
    let settings = recipe.clean.clone().try_into();
    settings.map_err(|error| format!("recipe.toml: clean: {error}"))
}

/// Cleans the rows into parts; then writes the report, the card and the manifest.
pub(crate) async fn version(
    state: &State,
    order: Order,
    settings: Settings,
    input: Input,
) -> Result<Made, Error> {
    let input = Arc::new(input);
    let folder = order.folder();
    let mut parts = BTreeMap::new();
    let settings = Arc::new(settings);
    let mut cleaned = match clean(state, &folder, &input, &settings, &mut parts).await? {
        Ok(cleaned) => cleaned,
        Err(Stop::Failed(error)) => return refused(error),
        Err(Stop::Again(plan)) => return Ok(Made::Again(Box::new(plan))),
    };
    let model = &order.recipe.tune.base_model;
    cleaned.report.tokens.calibration = calibrated(state, model, &parts).await?;
    let report = store(state, &folder, "report", &cleaned.report).await?;
    parts.insert("report".to_owned(), report);
    if cleaned.report.verdict == Verdict::Unusable {
        return Ok(Made::Nothing(unusable(&cleaned.report)));
    }
    let mut version = describe(order, &cleaned.report, parts);
    version.created_at = state.clock.now();
    let card = write_card(&version, &settings, &cleaned);
    let stored = store_text(state, &folder, "card.md", MARKDOWN, card.into_bytes()).await?;
    version.parts.insert("card".to_owned(), stored);
    let manifest = Manifest {
        version: &version,
        settings: &settings,
        rules: settings.rules(),
        parts: cleaned.written.as_ref(),
        samples: &cleaned.samples,
    };
    let stored = store(state, &folder, "manifest", &manifest).await?;
    version.parts.insert("manifest".to_owned(), stored);
    Ok(Made::Version(Box::new(version)))
}

/// What `card.md` says of a version.
fn write_card(version: &Version, settings: &Settings, cleaned: &Cleaned) -> String {
    let (source, made_at) = (version.source.to_string(), version.created_at.to_rfc3339());
    let about = Provenance {
        name: version.id.as_str(),
        source: &source,
        recipe: &version.recipe.to_toml(),
        settings,
        code_version: CODE_VERSION,
        made_at: Some(&made_at),
    };
    card(&about, cleaned)
}

/// What `manifest.json` says of a version, beside what its document says.
#[derive(Serialize)]
struct Manifest<'a> {
    version: &'a Version,
    settings: &'a Settings,
    /// Every rule by its code: its version, and what was done about it.
    rules: BTreeMap<&'static str, AppliedRule>,
    parts: Option<&'a Written>,
    samples: &'a [Sample],
}

fn describe(order: Order, report: &Report, parts: BTreeMap<String, StoredFile>) -> Version {
    Version {
        id: order.id,
        dataset: order.dataset,
        source: order.stat.artifact,
        source_crc32c: report.crc32c.into(),
        source_bytes: order.stat.size_bytes,
        recipe: order.recipe,
        format: report.format.clone().unwrap_or_default(),
        code_version: CODE_VERSION.to_owned(),
        rows: Rows {
            read: report.rows.read,
            kept: report.rows.kept,
            rejected: report.rows.rejected,
            duplicate: report.rows.duplicate,
        },
        codes: report.codes.clone(),
        tokens: report.tokens.billable(),
        task: match report.task {
            Task::Generation => "generation".to_owned(),
            Task::Classification => "classification".to_owned(),
        },
        template_version: report.template_version.clone(),
        parents: order.parents,
        parts,
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// Runs as many passes as it takes, each part streaming into its own object. Only what the last
/// pass wrote becomes objects, and only if there is something to train on.
async fn clean(
    state: &State,
    folder: &str,
    input: &Arc<Input>,
    settings: &Arc<Settings>,
    parts: &mut BTreeMap<String, StoredFile>,
) -> Result<Result<Cleaned, Stop>, Error> {
    let mut plan = input.plan.clone();
    loop {
        let (mut uploads, streams) = Uploads::new();
        let writes = streams.into_iter().map(|(part, stream)| async move {
            let uri = part_uri(state, folder, &format!("{}.jsonl", part.name()));
            let created = state.objects.create_streamed(&uri, JSONL, stream).await;
            (part, created)
        });
        let (reading, settings) = (Arc::clone(input), Arc::clone(settings));
        let pass = blocking(move || {
            let outcome = reading.pass(&settings, &plan, &mut uploads);
            uploads.finish(outcome.as_ref().is_ok_and(is_to_stay));
            outcome
        });
        let (outcome, created) = tokio::join!(pass, futures::future::join_all(writes));
        let cleaned = match outcome? {
            Ok(Outcome::Done(cleaned)) => cleaned,
            Ok(Outcome::Again(better)) if input.can_go_by(&better) => {
                plan = better;
                continue;
            }
            Ok(Outcome::Again(better)) => return Ok(Err(Stop::Again(better))),
            Err(error) => return Ok(Err(Stop::Failed(error))),
        };
        if let Some(written) = &cleaned.written
            && cleaned.report.verdict != Verdict::Unusable
        {
            for (part, created) in created {
                let stored = same(created?, written.file(part))?;
                parts.insert(part.name().to_owned(), stored);
            }
        }
        return Ok(Ok(*cleaned));
    }
}

/// What the service counts in a few rows: in those held out, since they are drawn at random.
async fn calibrated(
    state: &State,
    model: &str,
    parts: &BTreeMap<String, StoredFile>,
) -> Result<Option<Calibration>, Error> {
    let candidates = [OutputFile::Eval, OutputFile::Train].map(|part| parts.get(part.name()));
    let Some(part) = candidates.into_iter().flatten().find(|part| part.rows > 0) else {
        return Ok(None);
    };
    if part.bytes > CALIBRATION_BYTES_MAX {
        return Ok(None);
    }
    let rows = state
        .objects
        .read(&part.artifact.uri, CALIBRATION_BYTES_MAX)
        .await?;
    calibrate(state, model, &rows.unwrap_or_default()).await
}

/// Whether what a pass wrote is what a version consists of.
fn is_to_stay(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done(cleaned) => cleaned.report.verdict != Verdict::Unusable,
        Outcome::Again(_) => false,
    }
}

/// An object that an earlier delivery wrote must be what this one would have written.
fn same(created: Created, summary: &OutputFileSummary) -> Result<StoredFile, Error> {
    let stat = created.into_stat();
    let crc32c = summary.crc32c.value();
    if stat.size_bytes == summary.bytes && stat.crc32c.is_none_or(|stored| stored == crc32c) {
        return Ok(StoredFile {
            artifact: stat.artifact,
            rows: summary.rows,
            bytes: summary.bytes,
        });
    }
    Err(Error::Internal {
        what: "a part of a version that is not what its name says",
        source: format!(
            "{} has {} bytes, not {}, or another checksum",
            stat.artifact, stat.size_bytes, summary.bytes
        )
        .into(),
    })
}

async fn store(
    state: &State,
    folder: &str,
    name: &str,
    value: &impl Serialize,
) -> Result<StoredFile, Error> {
    let text = serde_json::to_vec_pretty(&json!(value)).map_err(|source| Error::Internal {
        what: "a report that does not serialise",
        source: source.into(),
    })?;
    store_text(state, folder, &format!("{name}.json"), JSON, text).await
}

async fn store_text(
    state: &State,
    folder: &str,
    name: &str,
    content_type: &str,
    text: Vec<u8>,
) -> Result<StoredFile, Error> {
    let uri = part_uri(state, folder, name);
    let text = Bytes::from(text);
    let created = state.objects.create(&uri, content_type, text).await?;
    let stat = created.into_stat();
    Ok(StoredFile {
        bytes: stat.size_bytes,
        artifact: stat.artifact,
        rows: 0,
    })
}

/// Where a part goes: made of ids alone, never of the uploaded object's name.
fn part_uri(state: &State, folder: &str, name: &str) -> GcsUri {
    let object = format!("{folder}/{name}");
    GcsUri::new(state.config.datasets_bucket.clone(), object)
}

/// The gravest codes, with where they first occur and what to do.
fn unusable(report: &Report) -> String {
    let first = report.findings.first();
    let advice = first.map(|finding| {
        let place = match finding.line {
            0 => "the file".to_owned(),
            line => format!("line {line}"),
        };
        format!("{place}: {}; {}", finding.message, finding.fix)
    });
    format!(
        "no row of {} can be trained on; {}",
        report.rows.read,
        advice.unwrap_or_else(|| "upload rows of JSON, one a line".to_owned())
    )
}

/// Which failures are the upload's own, and which pass.
pub(crate) fn refused(error: CleanError) -> Result<Made, Error> {
    match error {
        CleanError::Settings(_) | CleanError::TooManyRows => {
            Ok(Made::Nothing(Chain(&error).to_string()))
        }
        CleanError::Changed => Err(Error::Busy("the upload changed while it was read".into())),
        CleanError::Unending => Err(Error::Internal {
            what: "a cleaning without an end",
            source: error.into(),
        }),
        CleanError::Frames {
            fault: FrameError::Read(source),
            ..
        } => Err(Error::unavailable("Cloud Storage")(source.into())),
        CleanError::Frames { range, .. } => Ok(Made::Spoilt(range)),
        CleanError::Spill(_) => Err(Error::Busy(Chain(&error).to_string().into())),
        CleanError::Read(_) | CleanError::Write { .. } | CleanError::WriteFrames(_) => {
            Err(Error::unavailable("Cloud Storage")(error.into()))
        }
    }
}

/// Cleaning computes for seconds: not on the thread that answers health checks.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Internal {
        what: "cleaning panicked",
        source: source.into(),
    })
}
