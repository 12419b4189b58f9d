//! `generateContent`, `streamGenerateContent`, `countTokens`: questions to a simulated model.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Vertex, answers,
    call::{Answer, VertexCall, not_found, precondition, time},
    catalogue, create, dataset, endpoints,
    nearest::Index,
    number::{Seed, count},
    prompt::{self, Question},
    record::JobRecord,
    state::Deployed,
    tokens,
};
use crate::rest::Error;

/// Where base models are served: regions answer 404.
const BASE_LOCATIONS: [&str; 3] = ["global", "us", "eu"];
/// Wall-clock time of an answer: enough to be noticed, too little to wait for.
const LATENCY: Duration = Duration::from_millis(5);
/// Indexes kept in memory; each holds a training file.
const INDEXES_MAX: usize = 4;
/// Events of a streamed answer.
const EVENTS_MAX: usize = 5;
/// The suffix of `modelVersion`.
const SIMULATED_SUFFIX: &str = "-simulated";

/// The model that is asked.
enum AskedModel {
    Base(&'static catalogue::Model),
    Tuned {
        job: Box<JobRecord>,
        deployed: Deployed,
        index: Arc<Index>,
    },
}

impl Vertex {
    /// A call on `publishers/google/models/M`.
    pub(super) async fn ask_base(&self, call: &VertexCall, model: &str) -> Result<Answer, Error> {
        let served = catalogue::find(model)
            .filter(|model| !model.is_retired(self.clock.now()))
            .filter(|_| BASE_LOCATIONS.contains(&call.location.as_str()))
            .ok_or_else(|| Error::new("NOT_FOUND", create::unavailable(call, model)))?;
        self.ask(call, AskedModel::Base(served)).await
    }

    /// A question to the model of `endpoints/ID`.
    pub(super) async fn ask_tuned(&self, call: &VertexCall, id: &str) -> Result<Answer, Error> {
        let (job, deployed) = self.deployed(call, id)?;
        let index = self.index(&job).await?;
        let job = Box::new(job);
        self.ask(
            call,
            AskedModel::Tuned {
                job,
                deployed,
                index,
            },
        )
        .await
    }

    fn deployed(&self, call: &VertexCall, id: &str) -> Result<(JobRecord, Deployed), Error> {
        let state = self.state();
        let endpoint = endpoints::find(&state, call, id, self.clock.now())?;
        let job = state.jobs.get(&endpoint.deployed.job).cloned();
        let job = job.ok_or_else(|| not_found(&endpoints::name(&endpoint)))?;
        Ok((job, endpoint.deployed))
    }

    /// The index of the training file of `job`, built when first needed.
    async fn index(&self, job: &JobRecord) -> Result<Arc<Index>, Error> {
        // Held while building, so that a burst of questions builds it once.
        let mut indexes = self.indexes.lock().await;
        if let Some((_, index)) = indexes.iter().find(|(id, _)| *id == job.id) {
            return Ok(Arc::clone(index));
        }
        let file = self.object(&job.training_uri).map_err(|_gone| {
            precondition(format!(
                "The emulator answers for a tuned model from its training file, and `{}` does not exist any more.",
                job.training_uri
            ))
        })?;
        let index = tokio::task::spawn_blocking(move || Index::of(dataset::examples(&file)))
            .await
            .map_err(|error| Error::new("INTERNAL", error.to_string()))?;
        let index = Arc::new(index);
        indexes.push_back((job.id.clone(), Arc::clone(&index)));
        if indexes.len() > INDEXES_MAX {
            indexes.pop_front();
        }
        Ok(index)
    }

    async fn ask(&self, call: &VertexCall, model: AskedModel) -> Result<Answer, Error> {
        if call.method != http::Method::POST {
            return Err(call.unimplemented());
        }
        tokio::time::sleep(LATENCY).await;
        match call.verb.as_str() {
            "countTokens" => prompt::count_tokens(&call.body).map(Answer::Json),
            "generateContent" => {
                let question = Question::read(&call.body, model.thinking_budget())?;
                Ok(Answer::Json(self.response(&model, &question)))
            }
            "streamGenerateContent" => {
                let question = Question::read(&call.body, model.thinking_budget())?;
                let events = pieces(self.response(&model, &question));
                Ok(if call.param("alt") == "sse" {
                    Answer::Events(events)
                } else {
                    Answer::List(events)
                })
            }
            _ => Err(call.unimplemented()),
        }
    }

    fn response(&self, model: &AskedModel, question: &Question) -> Value {
        let now = self.clock.now();
        let mut response = json!({
            "modelVersion": model.version(),
            "createTime": time(now),
            "responseId": Seed::of(question.prompt.as_bytes()).named(&now.to_rfc3339()).id(),
        });
        let (candidates, feedback, tokens) = candidates(model, question);
        if let Some(object) = response.as_object_mut() {
            if let Some(feedback) = feedback {
                object.insert("promptFeedback".to_owned(), feedback);
            }
            if !candidates.is_empty() {
                object.insert("candidates".to_owned(), candidates.into());
            }
            object.insert("usageMetadata".to_owned(), question.usage(tokens));
        }
        response
    }
}

impl AskedModel {
    fn thinking_budget(&self) -> bool {
        match self {
            Self::Base(model) => model.thinking_budget,
            Self::Tuned { job, .. } => {
                catalogue::find(&job.base_model).is_some_and(|model| model.thinking_budget)
            }
        }
    }

    fn version(&self) -> String {
        match self {
            Self::Base(model) => format!("{}{SIMULATED_SUFFIX}", model.id),
            Self::Tuned { job, .. } => format!("{}@1{SIMULATED_SUFFIX}", job.model_name()),
        }
    }

    fn text(&self, question: &Question) -> String {
        match self {
            Self::Base(_) => match &question.schema {
                Some(schema) => {
                    let text = answers::untuned(&question.prompt);
                    super::structured::value(schema, &text, Seed::of(question.prompt.as_bytes()))
                        .to_string()
                }
                None => answers::untuned(&question.prompt),
            },
            Self::Tuned {
                job,
                deployed,
                index,
            } => {
                let step = job
                    .checkpoints()
                    .iter()
                    .find(|checkpoint| checkpoint.id == deployed.checkpoint)
                    .map_or(job.total_steps(), |checkpoint| checkpoint.step);
                let curves = job.curves();
                if curves.has_diverged(step) {
                    answers::diverged(&question.prompt, job.seed())
                } else {
                    answers::tuned(index, &question.prompt, curves.skill(step), job.seed())
                }
            }
        }
    }
}

/// The candidates, the feedback on a blocked prompt, and the tokens of the answer.
fn candidates(model: &AskedModel, question: &Question) -> (Vec<Value>, Option<Value>, u64) {
    if question.prompt.contains(prompt::BLOCKED) {
        let feedback = json!({
            "blockReason": "PROHIBITED_CONTENT",
            "blockReasonMessage": "The prompt was blocked (simulated).",
        });
        return (Vec::new(), Some(feedback), 0);
    }
    if question.prompt.contains(prompt::EMPTY) {
        let candidate =
            json!({ "index": 0, "content": { "role": "model" }, "finishReason": "STOP" });
        return (vec![candidate], None, 0);
    }
    if question.prompt.contains(prompt::UNSAFE) {
        let candidate = json!({ "index": 0, "finishReason": "SAFETY", "safetyRatings": [{
            "category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true,
        }]});
        return (vec![candidate], None, 0);
    }
    let answer = model.text(question);
    let stopped = question.stopped(&answer);
    let (text, was_cut) = tokens::truncate(stopped, question.tokens_max);
    let reason = if was_cut { "MAX_TOKENS" } else { "STOP" };
    let content = if text.is_empty() {
        json!({ "role": "model" })
    } else {
        json!({ "role": "model", "parts": [{ "text": text }] })
    };
    let candidates = (0..question.candidates)
        .map(|index| json!({ "index": index, "content": content, "finishReason": reason }))
        .collect();
    (
        candidates,
        None,
        tokens::estimate(text) * question.candidates,
    )
}

/// The events of a streamed answer: the text in parts, final fields in the last one only.
fn pieces(whole: Value) -> Vec<Value> {
    let text = whole
        .pointer("/candidates/0/content/parts/0/text")
        .and_then(Value::as_str);
    let words: Vec<&str> = match text {
        Some(text) => text.split_inclusive(char::is_whitespace).collect(),
        None => return vec![whole],
    };
    let size = words.len().div_ceil(EVENTS_MAX).max(1);
    let parts: Vec<String> = words.chunks(size).map(<[&str]>::concat).collect();
    let last = count(parts.len()).saturating_sub(1);
    (0_u64..)
        .zip(parts)
        .map(|(at, part)| {
            let mut event = whole.clone();
            if let Some(text) = event.pointer_mut("/candidates/0/content/parts/0/text") {
                *text = part.into();
            }
            if at < last {
                if let Some(candidate) = event
                    .pointer_mut("/candidates/0")
                    .and_then(Value::as_object_mut)
                {
                    candidate.remove("finishReason");
                }
                if let Some(event) = event.as_object_mut() {
                    event.remove("usageMetadata");
                }
            }
            event
        })
        .collect()
}

impl Question {
    fn stopped<'a>(&self, answer: &'a str) -> &'a str {
        let end = self
            .stops
            .iter()
            .filter_map(|stop| answer.find(stop.as_str()))
            .min();
        end.and_then(|end| answer.get(..end)).unwrap_or(answer)
    }

    fn usage(&self, answer_tokens: u64) -> Value {
        let mut usage = json!({
            "promptTokenCount": self.prompt_tokens,
            "totalTokenCount": self.prompt_tokens + answer_tokens + self.thought_tokens,
            "trafficType": "ON_DEMAND",
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": self.prompt_tokens }],
        });
        if let Some(usage) = usage.as_object_mut() {
            if answer_tokens > 0 {
                usage.insert("candidatesTokenCount".to_owned(), answer_tokens.into());
            }
            if self.thought_tokens > 0 {
                usage.insert("thoughtsTokenCount".to_owned(), self.thought_tokens.into());
            }
        }
        usage
    }
}
