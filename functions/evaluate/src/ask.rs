//! Asks both models, shard by shard. An answer that is stored is never asked and paid for again.

use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use shared::{
    error::Error,
    google::vertex,
    id::RunId,
    outcome::{CallError, Source},
    retry::Budget,
    uri::GcsUri,
};

use crate::{
    State,
    answer::ModelAnswer,
    sample::{RowSample, SampleRow, generation_config},
    shards::{self, Pair, Shard},
};

/// Largest shard that is read back: 25 pairs of the longest answers.
const SHARD_MAX_BYTES: u64 = 64 << 20;
/// Deliveries after which a row without an answer counts as failed. Before that the service may be
/// unavailable, and the outage must not count against a model.
const PATIENCE_ATTEMPTS: u32 = 5;

/// Both models by resource name, and the attempt at asking them.
#[derive(Debug, Clone)]
pub(crate) struct Models {
    /// The base model.
    pub(crate) base: String,
    /// The endpoint of the tuned model.
    pub(crate) tuned: String,
    /// Which delivery this is.
    pub(crate) attempt: u32,
}

/// Every answer to `sample`, in its order: read where it is stored, asked for where it is not.
pub(crate) async fn all(
    state: &State,
    run: &RunId,
    models: &Models,
    sample: &RowSample,
) -> Result<Vec<Pair>, Error> {
    let digest = sample.digest();
    let folder = format!("{run}/");
    let bucket = &state.config.evaluations_bucket;
    let existing = state.objects.list(bucket, &folder).await?;
    let existing = existing
        .iter()
        .filter_map(|stat| stat.artifact.uri.object.strip_prefix(&folder));
    for shard in shards::missing(existing, sample.rows.len(), &digest) {
        ask_shard(state, &folder, models, sample, &shard, &digest).await?;
    }
    let mut pairs = Vec::new();
    for shard in shards::plan(sample.rows.len()) {
        pairs.extend(read_shard(state, &folder, sample, &shard, &digest).await?);
    }
    Ok(pairs)
}

async fn ask_shard(
    state: &State,
    folder: &str,
    models: &Models,
    sample: &RowSample,
    shard: &Shard,
    digest: &str,
) -> Result<(), Error> {
    let rows = sample.rows.get(shard.rows.clone()).unwrap_or_default();
    let config = generation_config(state.config.output_tokens_max);
    let pairs: Vec<Pair> = stream::iter(rows)
        .map(|row| ask_row(state, models, row, &config))
        .buffered(state.config.concurrency)
        .try_collect()
        .await?;
    let text = shards::write(&pairs).map_err(internal("answers that do not serialise"))?;
    let uri = shard_uri(state, folder, shard, digest);
    let created = state
        .objects
        .create(&uri, "application/jsonl", Bytes::from(text));
    // Create-if-absent: of two deliveries at once, the answers of the first stay, and both read those.
    let _first_one_stays = created.await?;
    Ok(())
}

async fn ask_row(
    state: &State,
    models: &Models,
    row: &SampleRow,
    config: &Value,
) -> Result<Pair, Error> {
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

/// One answer. A fault of the request is the model's answer; an unavailable service, or one that does
/// not let us ask, is not.
async fn ask(
    state: &State,
    model: &str,
    request: &Value,
    attempt: u32,
) -> Result<ModelAnswer, Error> {
    let asked = Instant::now();
    let response = state
        .vertex
        .generate(model, request, Budget::default(), state.config.timeout)
        .await;
    let latency_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_patient = attempt < PATIENCE_ATTEMPTS;
    match response {
        Ok(response) => Ok(ModelAnswer::from_response(&response, latency_ms)),
        Err(CallError::No(refusal)) => Ok(ModelAnswer::failed(refusal.word(), latency_ms)),
        // An endpoint answers 404 for a while after it was made:
        // https://github.com/googleapis/python-genai/issues/1706
        Err(CallError::Missing(_)) if !is_patient => {
            Ok(ModelAnswer::failed("NOT_FOUND", latency_ms))
        }
        Err(CallError::NotNow { .. } | CallError::Unknown(_)) if !is_patient => {
            Ok(ModelAnswer::failed("UNAVAILABLE", latency_ms))
        }
        // However often we ask, a permission that we lack says nothing about a model.
        Err(
            error @ (CallError::NotAllowed(_)
            | CallError::Missing(_)
            | CallError::NotNow { .. }
            | CallError::Unknown(_)),
        ) => Err(Error::call(vertex::SERVICE)(error)),
    }
}

async fn read_shard(
    state: &State,
    folder: &str,
    sample: &RowSample,
    shard: &Shard,
    digest: &str,
) -> Result<Vec<Pair>, Error> {
    let uri = shard_uri(state, folder, shard, digest);
    let text = state.objects.read(&uri, SHARD_MAX_BYTES).await?;
    let text = text.ok_or(Error::Busy(
        "a shard of answers was deleted: its rows are asked again".into(),
    ))?;
    let ids = sample.rows.get(shard.rows.clone()).unwrap_or_default();
    let ids = ids.iter().map(|row| row.id.as_str());
    shards::read(&String::from_utf8_lossy(&text), ids)
        .map_err(internal("a shard of answers that does not parse"))
}

fn shard_uri(state: &State, folder: &str, shard: &Shard, digest: &str) -> GcsUri {
    let object = format!("{folder}{}", shard.name(digest));
    GcsUri::new(state.config.evaluations_bucket.clone(), object)
}

fn internal<E: Into<Source>>(what: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Internal {
        what,
        source: source.into(),
    }
}
