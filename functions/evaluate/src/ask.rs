//! Asks both models, part by part; what was answered once is never asked again.

use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use shared::{
    error::{Error, Source},
    google::vertex,
    id::RunId,
    outcome::CallError,
    retry::Budget,
    uri::GcsUri,
};

use crate::{
    State,
    answer::Answer,
    parts::{self, Pair, Part},
    sample::{Row, Sample, generation_config},
};

/// Bytes of one part that are read back: 25 pairs of answers of the longest kind.
const PART_MAX_BYTES: u64 = 64 << 20;
/// Deliveries after which a row that never gets an answer counts as failed. Before that the
/// service may just be away, and a failure would be blamed on a model.
const PATIENCE_ATTEMPTS: u32 = 5;

/// Both models by resource name, and how patient to be with them.
#[derive(Debug, Clone)]
pub(crate) struct Models {
    /// The base model.
    pub(crate) base: String,
    /// The endpoint of the tuned one.
    pub(crate) tuned: String,
    /// Which delivery this is.
    pub(crate) attempt: u32,
}

/// Every answer to `sample`, in its order: read where they exist, asked for where they do not.
pub(crate) async fn all(
    state: &State,
    run: &RunId,
    models: &Models,
    sample: &Sample,
) -> Result<Vec<Pair>, Error> {
    let digest = sample.digest();
    let folder = format!("{run}/");
    let bucket = &state.config.evaluations_bucket;
    let existing = state.objects.list(bucket, &folder).await?;
    let existing = existing
        .iter()
        .filter_map(|stat| stat.artifact.uri.object.strip_prefix(&folder));
    for part in parts::missing(existing, sample.rows.len(), &digest) {
        ask_part(state, &folder, models, sample, &part, &digest).await?;
    }
    let mut pairs = Vec::new();
    for part in parts::plan(sample.rows.len()) {
        pairs.extend(read_part(state, &folder, sample, &part, &digest).await?);
    }
    Ok(pairs)
}

async fn ask_part(
    state: &State,
    folder: &str,
    models: &Models,
    sample: &Sample,
    part: &Part,
    digest: &str,
) -> Result<(), Error> {
    let rows = sample.rows.get(part.rows.clone()).unwrap_or_default();
    let config = generation_config(state.config.output_tokens_max);
    let pairs: Vec<Pair> = stream::iter(rows)
        .map(|row| ask_row(state, models, row, &config))
        .buffered(state.config.concurrency)
        .try_collect()
        .await?;
    let text = parts::write(&pairs).map_err(internal("answers that do not serialise"))?;
    let uri = part_uri(state, folder, part, digest);
    let created = state
        .objects
        .create(&uri, "application/jsonl", Bytes::from(text));
    let _either_is_good = created.await?;
    Ok(())
}

async fn ask_row(state: &State, models: &Models, row: &Row, config: &Value) -> Result<Pair, Error> {
    let request = row.request(config);
    let (base, tuned) = futures::future::join(
        ask(state, &models.base, &request, models.attempt),
        ask(state, &models.tuned, &request, models.attempt),
    )
    .await;
    Ok(Pair {
        row: row.id.clone(),
        base: base?,
        tuned: tuned?,
    })
}

/// One answer. What the model says about the request is its answer; a service that did not answer,
/// or does not let us ask, is not.
async fn ask(state: &State, model: &str, request: &Value, attempt: u32) -> Result<Answer, Error> {
    let asked = Instant::now();
    let response = state
        .vertex
        .generate(model, request, Budget::default(), state.config.timeout)
        .await;
    let latency_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_patient = attempt < PATIENCE_ATTEMPTS;
    match response {
        Ok(response) => Ok(Answer::from_response(&response, latency_ms)),
        Err(CallError::No(refusal)) => Ok(Answer::failed(refusal.word(), latency_ms)),
        // An endpoint answers 404 for a while after it was made:
        // https://github.com/googleapis/python-genai/issues/1706
        Err(CallError::Missing(_)) if !is_patient => Ok(Answer::failed("NOT_FOUND", latency_ms)),
        Err(CallError::NotNow { .. } | CallError::Unknown(_)) if !is_patient => {
            Ok(Answer::failed("UNAVAILABLE", latency_ms))
        }
        // However often it is asked, a permission that we lack says nothing about a model.
        Err(
            error @ (CallError::NotAllowed(_)
            | CallError::Missing(_)
            | CallError::NotNow { .. }
            | CallError::Unknown(_)),
        ) => Err(Error::call(vertex::SERVICE)(error)),
    }
}

async fn read_part(
    state: &State,
    folder: &str,
    sample: &Sample,
    part: &Part,
    digest: &str,
) -> Result<Vec<Pair>, Error> {
    let uri = part_uri(state, folder, part, digest);
    let text = state.objects.read(&uri, PART_MAX_BYTES).await?;
    let text = text.ok_or(Error::Busy(
        "a part of the answers is gone: asks again".into(),
    ))?;
    let ids = sample.rows.get(part.rows.clone()).unwrap_or_default();
    let ids = ids.iter().map(|row| row.id.as_str());
    parts::read(&String::from_utf8_lossy(&text), ids).map_err(internal("a part of the answers"))
}

fn part_uri(state: &State, folder: &str, part: &Part, digest: &str) -> GcsUri {
    let object = format!("{folder}{}", part.name(digest));
    GcsUri::new(state.config.evaluations_bucket.clone(), object)
}

fn internal<E: Into<Source>>(what: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Internal {
        what,
        source: source.into(),
    }
}
