//! Builds a version: streams an uploaded generation through the engine into the objects of a version.

use clean_engine::{
    Calibration, Cleaned, Error as CleanError, FrameError, Manifest, Outcome, OutputFile,
    OutputFileSummary, Plan, Provenance, Report, ReportVerdict, ReviewLimits, Settings, Task, card,
    review,
};
use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use shared::{
    dataset::{Review, RowTokens, Rows, StoredFile, Version},
    error::{Chain, Error},
    google::objects::Created,
    id::DatasetName,
    policy::{DatasetPolicy, Residency},
    uri::GcsUri,
};
use tracing::warn;

use crate::{
    blocking,
    build_input::BuildInput,
    calibrate::calibrate,
    state::State,
    streams::ObjectWriters,
    version_spec::{CODE_VERSION, VersionSpec},
};

/// Largest file that is read to count the tokens of a few rows.
const CALIBRATION_BYTES_MAX: u64 = 8 << 20;

/// Content type of rows.
const JSONL: &str = "application/jsonl";
/// Content type of reports.
const JSON: &str = "application/json";
/// Content type of cards (RFC 7763).
const MARKDOWN: &str = "text/markdown; charset=utf-8";

/// How a build ended.
pub(crate) enum BuildOutcome {
    /// A version; its objects exist.
    Version(Box<Version>),
    /// There is nothing to train on; the note says why.
    Rejected(String),
    /// No version yet: every range must be processed again by this plan.
    NextRound(Box<Plan>),
    /// No version yet: the frames of this range, counted from 0, are corrupt or of other bytes.
    CorruptFrames(usize),
}

/// Why the passes ended without files.
enum Interruption {
    Failed(CleanError),
    NextRound(Box<Plan>),
}

/// Cleans the rows into files; then writes the report, the card and the manifest.
pub(crate) async fn build(
    state: &State,
    spec: VersionSpec,
    settings: Settings,
    input: BuildInput,
) -> Result<BuildOutcome, Error> {
    let input = Arc::new(input);
    let folder = spec.folder();
    let mut parts = BTreeMap::new();
    let settings = Arc::new(settings);
    let mut cleaned = match clean(state, &folder, &input, &settings, &mut parts).await? {
        Ok(cleaned) => cleaned,
        Err(Interruption::Failed(error)) => return failed(error),
        Err(Interruption::NextRound(plan)) => return Ok(BuildOutcome::NextRound(plan)),
    };
    let rules = rules(state, &spec.dataset).await;
    let location = rules.as_ref().map(|rules| rules.location);
    if let Some(location) = location {
        let model = &spec.recipe.tune.base_model;
        cleaned.report.tokens.calibration = calibrated(state, model, location, &parts).await?;
    }
    let report = store(state, &folder, "report", &cleaned.report).await?;
    parts.insert("report".to_owned(), report);
    if cleaned.report.verdict == ReportVerdict::Unusable {
        return Ok(BuildOutcome::Rejected(unusable(&cleaned.report)));
    }
    let rules = rules.unwrap_or_else(DatasetPolicy::unnamed);
    let asked = settings.rejected_percent_max.unwrap_or(f64::INFINITY);
    let limits = ReviewLimits {
        rejected_percent_max: rules.rejected_percent_max.min(asked),
        eval_rows_min: rules.eval_rows_min,
    };
    let reasons = review(&cleaned.report, limits);
    let mut version = describe(spec, &cleaned.report, parts);
    version.review = Review::of(reasons);
    version.created_at = state.clock.now();
    version.location = location;
    let card = write_card(&version, &settings, &cleaned);
    let stored = store_text(state, &folder, "card.md", MARKDOWN, card.into_bytes()).await?;
    version.parts.insert("card".to_owned(), stored);
    let about = AboutVersion { version: &version };
    let manifest = Manifest::new(about, &settings, &cleaned);
    let stored = store(state, &folder, "manifest", &manifest).await?;
    version.parts.insert("manifest".to_owned(), stored);
    Ok(BuildOutcome::Version(Box::new(version)))
}

/// The content of `card.md`.
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

/// What the `manifest.json` of a version holds besides what every manifest holds.
#[derive(Serialize)]
struct AboutVersion<'a> {
    version: &'a Version,
}

fn describe(spec: VersionSpec, report: &Report, parts: BTreeMap<String, StoredFile>) -> Version {
    Version {
        id: spec.id,
        dataset: spec.dataset,
        source: spec.stat.artifact,
        source_crc32c: report.crc32c.into(),
        source_bytes: spec.stat.size_bytes,
        recipe: spec.recipe,
        recipe_found: spec.recipe_found,
        uploader: spec.stat.uploader,
        location: None,
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
        tokens_max: report.tokens.billable_max(),
        row_tokens: RowTokens {
            input_mean: report.tokens.input.mean,
            output_mean: report.tokens.output.mean,
            output_median: report.tokens.output.p50,
            input_max: report.tokens.input.max,
            rows: report.rows.kept,
            input_sum: report.tokens.input.sum,
            output_sum: report.tokens.output.sum,
        },
        task: match report.task {
            Task::Generation => "generation".to_owned(),
            Task::Classification => "classification".to_owned(),
        },
        template_version: report.template_version.clone(),
        parents: spec.parents,
        parts,
        review: None,
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// Runs as many passes as needed, each file streaming into its own object. Only the last pass
/// completes its uploads, and only if there is something to train on.
async fn clean(
    state: &State,
    folder: &str,
    input: &Arc<BuildInput>,
    settings: &Arc<Settings>,
    parts: &mut BTreeMap<String, StoredFile>,
) -> Result<Result<Cleaned, Interruption>, Error> {
    let mut plan = input.plan.clone();
    loop {
        let (mut uploads, streams) = ObjectWriters::new();
        let writes = streams.into_iter().map(|(part, stream)| async move {
            let uri = part_uri(state, folder, &format!("{}.jsonl", part.name()));
            let created = state.objects.create_streamed(&uri, JSONL, stream).await;
            (part, created)
        });
        let (reading, settings) = (Arc::clone(input), Arc::clone(settings));
        let pass = blocking::run(move || {
            let outcome = reading.pass(&settings, &plan, &mut uploads);
            uploads.finish(outcome.as_ref().is_ok_and(is_complete));
            outcome
        });
        let (outcome, created) = tokio::join!(pass, futures::future::join_all(writes));
        let cleaned = match outcome? {
            Ok(Outcome::Done(cleaned)) => cleaned,
            Ok(Outcome::Again(better)) if input.can_reuse(&better) => {
                plan = *better;
                continue;
            }
            Ok(Outcome::Again(better)) => return Ok(Err(Interruption::NextRound(better))),
            Err(error) => return Ok(Err(Interruption::Failed(error))),
        };
        if let Some(written) = &cleaned.written
            && cleaned.report.verdict != ReportVerdict::Unusable
        {
            for (part, created) in created {
                let stored = verified(created?, written.file(part))?;
                parts.insert(part.name().to_owned(), stored);
            }
        }
        return Ok(Ok(*cleaned));
    }
}

/// The rules of `dataset`; `None` where no policy says them: no row is sent anywhere then.
async fn rules(state: &State, dataset: &DatasetName) -> Option<DatasetPolicy> {
    match state.policy.read().await {
        Ok(policy) => Some(policy.policy.for_dataset(dataset)),
        Err(no_policy) => {
            warn!(
                event.name = "tokens_not_counted",
                "tokens were not counted, since the policy does not say where: {}",
                Chain(&no_policy)
            );
            None
        }
    }
}

/// The tokens that the service counts in a few rows: of those held out, since they are drawn at random.
async fn calibrated(
    state: &State,
    model: &str,
    location: Residency,
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
    calibrate(state, model, location, &rows.unwrap_or_default()).await
}

/// Whether the files of a pass are those of a version.
fn is_complete(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done(cleaned) => cleaned.report.verdict != ReportVerdict::Unusable,
        Outcome::Again(_) => false,
    }
}

/// Checks that an object holds what this build wrote. It may come from an earlier delivery; builds are
/// deterministic, so any difference is a bug, and must not become part of a version.
fn verified(created: Created, summary: &OutputFileSummary) -> Result<StoredFile, Error> {
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
        what: "an object that differs from what this build wrote",
        source: format!(
            "{}: found {} bytes, expected {}, or the checksum differs",
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

/// The object of a file: named by ids alone, never by the name of the upload, which is untrusted.
fn part_uri(state: &State, folder: &str, name: &str) -> GcsUri {
    let object = format!("{folder}/{name}");
    GcsUri::new(state.config.datasets_bucket.clone(), object)
}

/// Why no row can be trained on: the most severe finding, its position, and its fix.
fn unusable(report: &Report) -> String {
    let first = report.findings.first();
    let advice =
        first.map(|finding| format!("{}: {}; {}", finding.place, finding.message, finding.fix));
    format!(
        "no row of {} can be trained on; {}",
        report.rows.read,
        advice.unwrap_or_else(|| "upload one JSON object per line".to_owned())
    )
}

/// Separates failures that the upload causes, which are final, from those that may pass.
pub(crate) fn failed(error: CleanError) -> Result<BuildOutcome, Error> {
    match error {
        CleanError::Settings(_) | CleanError::TooManyRows => {
            Ok(BuildOutcome::Rejected(Chain(&error).to_string()))
        }
        CleanError::Changed => Err(Error::Busy("the upload changed while it was read".into())),
        CleanError::Unending => Err(Error::Internal {
            what: "the passes over the upload did not end",
            source: error.into(),
        }),
        CleanError::Frames {
            fault: FrameError::Read(source),
            ..
        } => Err(Error::unavailable("Cloud Storage")(source.into())),
        CleanError::Frames { range, .. } => Ok(BuildOutcome::CorruptFrames(range)),
        CleanError::Spill(_) => Err(Error::Busy(Chain(&error).to_string().into())),
        CleanError::Read(_) | CleanError::Write { .. } | CleanError::WriteFrames(_) => {
            Err(Error::unavailable("Cloud Storage")(error.into()))
        }
    }
}
