//! A streamed answer to a caller of a canary, counted when it has ended: its first event says little about it.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};

use crate::{
    State,
    arm::Seat,
    canary_log::CountedAnswer,
    confidence::{Confidence, ExpectedLength, score},
    failure::ServeFailure,
    note::Note,
    question::AnswerDemands,
};

/// Bytes of events that are kept to be scored: some ten of the longest answers in text. What an answer with images has
/// beyond is left out of its score.
const KEPT_MAX_BYTES: usize = 1 << 20;

/// The events of an answer, put together as they arrive.
#[derive(Debug, Default)]
struct GatheredAnswer {
    parts: Vec<Value>,
    bytes: usize,
    /// The last event with a candidate, or with what is said in place of one.
    last: Option<Value>,
    has_ended: bool,
}

impl GatheredAnswer {
    /// An event that is not JSON adds nothing: its caller gets it all the same.
    fn add(&mut self, event: &[u8]) {
        self.bytes = self.bytes.saturating_add(event.len());
        let Ok(mut event) = serde_json::from_slice::<Value>(event) else {
            return;
        };
        let parts = event
            .pointer_mut("/candidates/0/content/parts")
            .map(Value::take);
        if let Some(Value::Array(parts)) = parts
            && self.bytes <= KEPT_MAX_BYTES
        {
            self.parts.extend(parts);
        }
        self.has_ended |= event.pointer("/candidates/0/finishReason").is_some()
            || event.pointer("/promptFeedback/blockReason").is_some();
        // Usage may follow the end, in an event without a candidate.
        if self.last.is_none() || event.pointer("/candidates/0").is_some() {
            self.last = Some(event);
        }
    }

    /// The score of the answer as if it had come whole.
    fn confidence(self, asked: &AnswerDemands, expected: &ExpectedLength) -> Confidence {
        let mut answer = self.last.unwrap_or_default();
        if let Some(Value::Object(candidate)) = answer.pointer_mut("/candidates/0") {
            candidate.insert("content".to_owned(), json!({ "parts": self.parts }));
        }
        score(&answer, asked, expected)
    }
}

/// How an answer that is being written will be counted.
#[derive(Debug)]
pub(crate) struct StreamCount {
    state: Arc<State>,
    seat: Seat,
    note: Note,
    asked: AnswerDemands,
    asked_at: Instant,
    gathered: GatheredAnswer,
    is_counted: bool,
}

impl StreamCount {
    /// For an answer that `note` is about, of a question that was asked at `asked_at`.
    pub(crate) fn new(
        state: &Arc<State>,
        seat: &Seat,
        note: Note,
        asked: AnswerDemands,
        asked_at: Instant,
    ) -> Self {
        Self {
            state: Arc::clone(state),
            seat: seat.clone(),
            note,
            asked,
            asked_at,
            gathered: GatheredAnswer::default(),
            is_counted: false,
        }
    }

    /// The next event.
    pub(crate) fn add(&mut self, event: &[u8]) {
        self.gathered.add(event);
    }

    /// The end of the answer, or the failure by which it breaks off.
    pub(crate) fn end(&mut self, failure: Option<&ServeFailure>) {
        let counted = match failure {
            Some(failure) => CountedAnswer::of_failure(failure),
            None => Some(self.of_whole()),
        };
        self.count(counted);
    }

    fn of_whole(&mut self) -> CountedAnswer {
        let config = &self.state.config;
        let gathered = std::mem::take(&mut self.gathered);
        let score = gathered.confidence(&self.asked, &config.expected).score;
        self.of_score(score)
    }

    fn of_score(&self, score: f64) -> CountedAnswer {
        let threshold = self.state.config.rules.threshold;
        let took = self.asked_at.elapsed();
        CountedAnswer::of(&self.note, score, threshold, took, &self.seat)
    }

    fn count(&mut self, counted: Option<CountedAnswer>) {
        self.is_counted = true;
        if let Some(counted) = counted {
            let now = self.state.clock.now();
            self.state.canaries().note(&self.seat, counted, None, now);
        }
    }
}

/// A caller that leaves before the end says nothing against the answer, unless the model had ended it already.
impl Drop for StreamCount {
    fn drop(&mut self) {
        if self.is_counted {
            return;
        }
        let counted = if self.gathered.has_ended {
            self.of_whole()
        } else {
            self.of_score(1.0)
        };
        self.count(Some(counted));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(text: &str, finish: Option<&str>) -> String {
        let mut event = json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
        if let Some(finish) = finish {
            event["candidates"][0]["finishReason"] = finish.into();
        }
        event.to_string()
    }

    fn gathered(events: &[String]) -> GatheredAnswer {
        let mut gathered = GatheredAnswer::default();
        for event in events {
            gathered.add(event.as_bytes());
        }
        gathered
    }

    fn score_of(events: &[String], asked: &AnswerDemands) -> f64 {
        gathered(events)
            .confidence(asked, &ExpectedLength::default())
            .score
    }

    #[test]
    fn what_follows_the_first_event_is_scored() {
        let json = AnswerDemands {
            json: true,
            ..AnswerDemands::default()
        };
        let (any, stop) = (AnswerDemands::default(), Some("STOP"));
        for (events, asked, expected) in [
            (vec![event("A ", None), event("word.", stop)], &any, 1.0),
            (
                vec![event("A ", None), event("wo", Some("MAX_TOKENS"))],
                &any,
                0.4,
            ),
            (
                vec![event("A ", None), event("", Some("SAFETY"))],
                &any,
                0.0,
            ),
            (vec![event("{\"a\":", None), event("1}", stop)], &json, 1.0),
            (
                vec![event("{\"a\":", None), event("or not", stop)],
                &json,
                0.1,
            ),
            (vec![event("", None), event(" ", stop)], &any, 0.0),
            (
                vec![r#"{"promptFeedback": {"blockReason": "SAFETY"}}"#.to_owned()],
                &any,
                0.0,
            ),
        ] {
            let found = score_of(&events, asked);
            assert!((found - expected).abs() < 1e-9, "{events:?}: {found}");
        }
        let usage = r#"{"usageMetadata": {"totalTokenCount": 3}}"#.to_owned();
        let ended = [event("A word.", stop), usage];
        assert!((score_of(&ended, &any) - 1.0).abs() < 1e-9);
        assert!(gathered(&ended).has_ended && !gathered(&[event("A", None)]).has_ended);
    }

    #[test]
    fn memory_is_bounded() {
        let long = "x".repeat(KEPT_MAX_BYTES / 4);
        let events: Vec<String> = (0..20).map(|_| event(&long, None)).collect();
        let kept: usize = gathered(&events)
            .parts
            .iter()
            .map(|part| part.to_string().len())
            .sum();
        assert!(kept <= KEPT_MAX_BYTES, "{kept}");
    }

    proptest! {
        #[test]
        fn an_answer_scores_the_same_whole_and_in_events(
            pieces in proptest::collection::vec("[a-z{}\": ]{0,12}", 1..8), json: bool,
        ) {
            let asked = AnswerDemands { json, ..AnswerDemands::default() };
            let last = pieces.len() - 1;
            let events: Vec<String> = pieces.iter().enumerate()
                .map(|(at, piece)| event(piece, (at == last).then_some("STOP")))
                .collect();
            let whole = [event(&pieces.concat(), Some("STOP"))];
            let (one, other) = (score_of(&events, &asked), score_of(&whole, &asked));
            prop_assert!((one - other).abs() < 1e-12, "{} {}", one, other);
        }
    }
}
