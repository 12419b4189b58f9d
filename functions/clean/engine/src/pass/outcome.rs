//! What comes out of a pass.

use serde::{Deserialize, Serialize};

use crate::{
    json::{Node, Value, parse},
    outputs::Written,
    plan::Plan,
    report::Report,
};

/// Longest question or answer in a sample, in characters; people read it in a manifest.
const SAMPLE_CHARS_MAX: usize = 500;

/// What a pass ends with.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is decided, and written.
    Done(Box<Cleaned>),
    /// What was written must be discarded: another pass is needed, by this plan.
    Again(Box<Plan>),
}

/// A cleaned dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// The findings; contains no text of any row.
    pub report: Report,
    /// The first few kept pairs: *text of the dataset*, so for its manifest only, never for logs.
    pub samples: Vec<Sample>,
    /// What was written, if there were outputs.
    pub written: Option<Written>,
}

/// A question and its answer: text of the dataset, for its manifest and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The last question.
    pub input: String,
    /// Its answer.
    pub output: String,
}

impl Sample {
    /// The last question and its answer in a written record.
    pub(super) fn of_record(record: &[u8]) -> Option<Self> {
        let row = parse(std::str::from_utf8(record).ok()?).ok()?.node.value;
        let turns = row.member("contents")?.elements();
        let text = |role: &str| {
            let is = |turn: &&Node<'_>| {
                let spoken = turn.value.member("role").and_then(Value::text);
                spoken.is_some_and(|spoken| spoken.escaped() == role)
            };
            let parts = turns
                .iter()
                .rev()
                .find(is)?
                .value
                .member("parts")?
                .elements();
            let mut texts = parts
                .iter()
                .filter_map(|part| part.value.member("text")?.text());
            Some(texts.next()?.chars().take(SAMPLE_CHARS_MAX).collect())
        };
        Some(Self {
            input: text("user").unwrap_or_default(),
            output: text("model").unwrap_or_default(),
        })
    }
}
