//! Reads the documents of one upload or run, and counts the objects of its evaluation.

use clean_engine::Report;
use shared::{
    curve::Curve,
    dataset::{Upload, Version},
    error::Error,
    evaluation::EvaluationRecord,
    google::run_queue::QueueReader,
    id::RunId,
    route::{GateDecision, Route},
    run::Run,
};

use super::snapshot::ChainSnapshot;
use crate::session::Session;

/// Largest report that is read, in bytes; a report lists at most a thousand findings.
const REPORT_MAX_BYTES: u64 = 16 << 20;
/// Most runs of a version that are read: it has one, unless its plan was changed.
const RUNS_MAX: u32 = 10;

/// What to follow.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// The document `uploads/{id}`, and everything that follows from it.
    Upload(String),
    /// A run, its version, and everything that follows from it.
    Run(RunId),
}

/// Reads the current documents. Those that cannot change any more are copied from `before`.
pub(crate) async fn snapshot(
    session: &Session,
    subject: &Subject,
    before: &ChainSnapshot,
) -> Result<ChainSnapshot, Error> {
    let documents = &session.documents;
    let mut now = before.clone();
    match subject {
        Subject::Upload(id) => {
            if now.upload.is_none() {
                now.upload = value(documents.get::<Upload>(id).await?);
            }
            let version = now
                .upload
                .as_ref()
                .and_then(|upload| upload.version.clone());
            // A person may accept it meanwhile.
            let known = now.version.as_ref().filter(|known| !known.awaits_review());
            if let (None, Some(version)) = (known, version) {
                now.version = value(documents.get::<Version>(version.as_str()).await?);
            }
            now.run = run_of(session, &now).await?;
        }
        Subject::Run(id) => {
            now.run = value(documents.get::<Run>(id.as_str()).await?);
            if let (None, Some(run)) = (&now.version, &now.run) {
                now.version = value(documents.get::<Version>(run.version.as_str()).await?);
            }
        }
    }
    if let (None, Some(version)) = (&now.report, &now.version) {
        now.report = report(session, version).await?;
    }
    let Some(run) = &now.run else {
        return Ok(now);
    };
    let id = run.id.as_str();
    now.position = QueueReader::new(documents).position(run).await?;
    if run.job.is_some() {
        now.curve = value(documents.get::<Curve>(id).await?);
    }
    if !now.is_evaluated() && run.state.is_final() {
        now.evaluation = value(documents.get::<EvaluationRecord>(id).await?);
    }
    if !now.is_evaluated() && run.state.is_final() && run.chosen.is_some() {
        now.parts_answered = parts_answered(session, run).await?;
    }
    if now.decision.is_none() && now.is_evaluated() {
        now.decision = value(documents.get::<GateDecision>(id).await?);
    }
    if run.state.is_final() {
        now.route = value(documents.get::<Route>(run.model.as_str()).await?);
    }
    Ok(now)
}

/// The number of objects of an evaluation in progress; 0 where the stack has no bucket for them.
async fn parts_answered(session: &Session, run: &Run) -> Result<u64, Error> {
    let Ok(bucket) = session.address("EVALUATIONS_BUCKET") else {
        return Ok(0);
    };
    let parts = session
        .objects
        .list(bucket, &format!("{}/", run.id))
        .await?;
    Ok(parts.len() as u64)
}

fn value<T>(stored: Option<shared::google::documents::Stored<T>>) -> Option<T> {
    stored.map(|stored| stored.value)
}

/// The current state of the run, if it is known already, or the newest run of the version.
async fn run_of(session: &Session, now: &ChainSnapshot) -> Result<Option<Run>, Error> {
    let documents = &session.documents;
    if let Some(run) = &now.run {
        return Ok(value(documents.get::<Run>(run.id.as_str()).await?));
    }
    let Some(version) = &now.version else {
        return Ok(None);
    };
    let id = version.id.as_str();
    let runs = documents.with_field::<Run>("version", id, RUNS_MAX).await?;
    let runs = runs.into_iter().map(|stored| stored.value);
    Ok(runs.max_by_key(|run| run.created_at))
}

/// The findings in the rows. A report that is missing or too large is left out: it is not essential.
async fn report(session: &Session, version: &Version) -> Result<Option<Report>, Error> {
    let Some(part) = version.parts.get("report") else {
        return Ok(None);
    };
    if part.bytes > REPORT_MAX_BYTES {
        return Ok(None);
    }
    let text = session
        .objects
        .read(&part.artifact.uri, REPORT_MAX_BYTES)
        .await?;
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}
