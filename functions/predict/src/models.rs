//! One question to one model: within the deadline, and not at all while the model's circuit is open.

use std::time::Instant;

use actix_web::web::Bytes;
use serde_json::Value;
use shared::{
    google::vertex::QuestionKind,
    outcome::{CallError, Idempotency},
    retry::Budget,
};

use crate::{
    State,
    confidence::{Confidence, Reason, score},
    events::AnswerEvents,
    question::ModelQuestion,
    race::Scored,
};

/// One retry only: a person is waiting.
const BUDGET: Budget = Budget {
    attempts: 2,
    pause: std::time::Duration::from_millis(100),
    retry_after_max: std::time::Duration::from_secs(1),
};

/// A question to the models of a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Models<'a> {
    pub(crate) state: &'a State,
    pub(crate) question: &'a ModelQuestion,
    pub(crate) until: Instant,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Bytes,
    pub(crate) confidence: Confidence,
}

/// An answer whose first event is there.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) first: Bytes,
    pub(crate) rest: AnswerEvents,
    confidence: Confidence,
}

impl Scored for Reply {
    fn confidence(&self) -> &Confidence {
        &self.confidence
    }
}

impl Scored for Begun {
    fn confidence(&self) -> &Confidence {
        &self.confidence
    }
}

impl Models<'_> {
    /// Asks for a whole answer.
    pub(crate) async fn reply(self, model: String) -> Result<Reply, CallError> {
        let answer = self.bytes(&model, QuestionKind::Generate).await?;
        let confidence = self.score(&parsed(&answer)?);
        Ok(Reply { answer, confidence })
    }

    /// Asks for an answer that is written event by event, and waits for the first one.
    pub(crate) async fn begin(self, model: String) -> Result<Begun, CallError> {
        let Self {
            state,
            question,
            until,
        } = self;
        let left = until.saturating_duration_since(Instant::now());
        let begin = async {
            let stream = state
                .vertex
                .stream(&model, question.bytes(), BUDGET, left)
                .await?;
            let mut rest = AnswerEvents::new(stream);
            let first = rest.next().await?.ok_or_else(|| unreadable("no event"))?;
            let confidence = self.score_first(&parsed(&first)?);
            Ok(Begun {
                first,
                rest,
                confidence,
            })
        };
        self.guarded(&model, begin).await
    }

    /// Asks for an answer in bytes.
    pub(crate) async fn bytes(self, model: &str, kind: QuestionKind) -> Result<Bytes, CallError> {
        let left = self.until.saturating_duration_since(Instant::now());
        let question = self.question.bytes();
        let call = self.state.vertex.ask(model, kind, question, BUDGET, left);
        self.guarded(model, call).await
    }

    /// A call that ends with the deadline: the time-out of the client is for one attempt.
    async fn guarded<T>(
        self,
        model: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let breakers = &self.state.breakers;
        if !breakers.admit(model, Instant::now()) {
            return Err(CallError::not_sent(
                "the model failed several times in a row, and is left alone for some seconds",
            ));
        }
        let answer = match tokio::time::timeout_at(self.until.into(), call).await {
            Ok(answer) => answer,
            Err(late) => Err(CallError::not_answered(late, Idempotency::Idempotent)),
        };
        breakers.record(model, answer.as_ref().err(), Instant::now());
        answer
    }

    fn score(&self, answer: &Value) -> Confidence {
        let expected = &self.state.config.expected;
        score(answer, &self.question.asked(), expected)
    }

    /// A first event that is not the last one has only begun, so what it says is not held against it. One
    /// that ends the answer, or that reports a filter, is scored.
    fn score_first(&self, event: &Value) -> Confidence {
        let confidence = self.score(event);
        let has_ended = event.pointer("/candidates/0/finishReason").is_some();
        let is_blocked = confidence.reasons.contains(&Reason::PromptBlocked);
        if has_ended || is_blocked {
            confidence
        } else {
            Confidence {
                score: 1.0,
                reasons: Vec::new(),
            }
        }
    }
}

fn parsed(answer: &[u8]) -> Result<Value, CallError> {
    serde_json::from_slice(answer).map_err(unreadable)
}

fn unreadable(what: impl Into<shared::outcome::Source>) -> CallError {
    CallError::not_answered(what, Idempotency::Idempotent)
}
