//! Asks a model, shard by shard. An answer that is stored is never asked and paid for again. A failed call is not
//! an answer: its row is asked again at the next attempt.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use serde_json::Value;
use shared::{
    error::{Chain, Error},
    evaluation::{Asked, NOT_ASKED_PERCENT_MAX},
    google::{objects::Created, vertex},
    outcome::{CallError, Refusal, Source},
    retry::Budget,
    uri::GcsUri,
};
use tracing::error;

use crate::{
    State,
    answer::ModelAnswer,
    sample::{RowSample, SampleRow, generation_config},
    shards::{self, RowAnswer, Shard},
};

/// Largest part that is read back: 25 of the longest answers.
const PART_MAX_BYTES: u64 = 32 << 20;

/// One model that is asked, with what it has answered.
#[derive(Debug)]
pub(crate) struct Respondent {
    /// A base model or an endpoint, by resource name.
    model: String,
    /// Where its answers are kept.
    folder: String,
    /// The names of the parts there.
    parts: BTreeSet<String>,
    /// Its answers, by row.
    answers: BTreeMap<String, ModelAnswer>,
    /// Why rows have no answer, and how often.
    reasons: BTreeMap<String, u64>,
}

impl Respondent {
    /// Reads what `model` has answered already.
    pub(crate) async fn read(state: &State, model: String, folder: String) -> Result<Self, Error> {
        let bucket = &state.config.evaluations_bucket;
        let listed = state.objects.list(bucket, &folder).await?;
        let names = listed.iter();
        let names = names.filter_map(|stat| stat.artifact.uri.object.strip_prefix(&folder));
        let mut respondent = Self {
            model,
            parts: names.map(str::to_owned).collect(),
            folder,
            answers: BTreeMap::new(),
            reasons: BTreeMap::new(),
        };
        for part in &respondent.parts {
            let uri = GcsUri::new(bucket.clone(), format!("{}{part}", respondent.folder));
            let text = state.objects.read(&uri, PART_MAX_BYTES).await?;
            let text = text.unwrap_or_default();
            shards::read(&String::from_utf8_lossy(&text), &mut respondent.answers)
                .map_err(internal("a part of answers that does not parse"))?;
        }
        Ok(respondent)
    }

    /// The model.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// Its answer to a row.
    pub(crate) fn answer(&self, row: &SampleRow) -> Option<&ModelAnswer> {
        self.answers.get(&row.id)
    }

    /// How far it could be asked the first `rows` of `sample`.
    pub(crate) fn asked(&self, sample: &RowSample, rows: usize) -> Asked {
        let asked = sample.rows.iter().take(rows);
        let missing = asked.filter(|row| self.answer(row).is_none());
        Asked {
            rows: rows as u64,
            not_asked: missing.count() as u64,
            reasons: self.reasons.clone(),
        }
    }

    /// Whether so many of `rows` have no answer that asking the others leads to no verdict now.
    pub(crate) fn is_unavailable(&self, rows: usize) -> bool {
        self.failures() > failures_max(rows)
    }

    fn failures(&self) -> u64 {
        self.reasons.values().sum()
    }

    /// Asks the rows of `shard` that have no answer, and keeps what comes back.
    pub(crate) async fn ask(
        &mut self,
        state: &State,
        sample: &RowSample,
        shard: &Shard,
    ) -> Result<(), Error> {
        let rows = sample.rows.get(shard.rows.clone()).unwrap_or_default();
        let missing: Vec<&SampleRow> = rows
            .iter()
            .filter(|row| self.answer(row).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let config = generation_config(state.config.output_tokens_max);
        // A model that is away must not cost each row of the shard its time-outs.
        let left = failures_max(sample.rows.len()).saturating_sub(self.failures());
        let failures = Cell::new(0);
        let answers: Vec<Option<Result<ModelAnswer, CallError>>> = stream::iter(&missing)
            .map(async |row| {
                if failures.get() > left {
                    return None;
                }
                let answer = ask(state, &self.model, &row.request(&config)).await;
                failures.set(failures.get() + u64::from(answer.is_err()));
                Some(answer)
            })
            .buffered(state.config.concurrency)
            .collect()
            .await;
        let mut answered = Vec::new();
        for (row, answer) in missing.into_iter().zip(answers) {
            match answer {
                Some(Ok(answer)) => answered.push(RowAnswer {
                    row: row.id.clone(),
                    answer,
                }),
                Some(Err(error)) => self.note(&error),
                None => {}
            }
        }
        self.keep(state, shard, answered).await
    }

    /// Notes why a row has no answer. What only a person can change is logged, once for each model.
    fn note(&mut self, failure: &CallError) {
        let reason = failure
            .refusal()
            .map_or_else(|| "no answer".to_owned(), Refusal::word);
        let count = self.reasons.entry(reason).or_default();
        *count += 1;
        match failure {
            CallError::NotAllowed(refusal) if *count == 1 => error!(
                outcome = "not_allowed",
                dependency = vertex::SERVICE,
                lacks = refusal.lacks,
                "`{}` may not be asked: {}",
                self.model,
                Chain(failure)
            ),
            CallError::NotAllowed(_)
            | CallError::No(_)
            | CallError::NotNow { .. }
            | CallError::Missing(_)
            | CallError::Unknown(_) => {}
        }
    }

    async fn keep(
        &mut self,
        state: &State,
        shard: &Shard,
        answered: Vec<RowAnswer>,
    ) -> Result<(), Error> {
        if answered.is_empty() {
            return Ok(());
        }
        let part = shard.part(shard.parts(self.parts.iter().map(String::as_str)));
        let text = shards::write(&answered).map_err(internal("answers that do not serialise"))?;
        let bucket = state.config.evaluations_bucket.clone();
        let uri = GcsUri::new(bucket, format!("{}{part}", self.folder));
        let content = Bytes::from(text);
        let created = state.objects.create(&uri, "application/jsonl", content);
        match created.await? {
            Created::New(_) => {}
            // Of two deliveries at once, the answers of the first stay, and both compare those.
            Created::Before(_) => {
                return Err(Error::Busy(
                    "another delivery asked the same rows at the same time".into(),
                ));
            }
        }
        self.parts.insert(part);
        for RowAnswer { row, answer } in answered {
            self.answers.entry(row).or_insert(answer);
        }
        Ok(())
    }
}

/// Rows of a sample that may have no answer.
fn failures_max(rows: usize) -> u64 {
    (rows as u64).saturating_mul(NOT_ASKED_PERCENT_MAX) / 100
}

/// One answer: what the model replied, empty or blocked included. No failed call is one, whatever its
/// status: a service that refuses to be asked says nothing of what the model would answer.
async fn ask(state: &State, model: &str, request: &Value) -> Result<ModelAnswer, CallError> {
    let asked = Instant::now();
    let response = state
        .vertex
        .generate(model, request, Budget::default(), state.config.timeout)
        .await?;
    let latency_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(ModelAnswer::from_response(&response, latency_ms))
}

fn internal<E: Into<Source>>(what: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Internal {
        what,
        source: source.into(),
    }
}
