//! Which held-out rows the models are asked, and the prompt of each.
//!
//! The rows come from the evaluation split of a dataset version: Gemini's tuning format, one example per line. They were held
//! out when the version was made, so choosing among them is only a matter of cost. The choice depends on content and seed
//! alone, never on the order of lines, so that every run on one version answers the same questions.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use serde_json::{Map, Value, json};
use twox_hash::XxHash3_128;

use crate::turn;

/// Rows asked by default: enough to detect a difference of 6 points in 100 where the deviation between rows is 30, for a few
/// cents.
pub const ROWS_DEFAULT: usize = 200;

/// Most rows asked: each costs two calls.
pub const ROWS_MAX: usize = 2_000;

/// A longer line is a fault. Gemini accepts about 131,000 tokens per tuning example, some 4 bytes each, plus JSON escapes.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The rows to ask, in the order they are asked.
#[derive(Debug)]
pub struct RowSample {
    /// The chosen rows, in an order that the seed has drawn: those asked first are a sample of all.
    pub rows: Vec<SampleRow>,
    /// How many of them were planned at first; those after them were added.
    pub planned: usize,
    /// Distinct lines whose prompt can be asked.
    pub usable: u64,
    /// Lines that cannot be asked, by reason. The cleaner leaves none; they are counted here, never silently skipped.
    pub faults: BTreeMap<RowFault, u64>,
}

/// One question with its expected answer.
#[derive(Clone, PartialEq)]
pub struct SampleRow {
    /// Digest of the line's content: 32 hexadecimal digits, whatever the position of the line.
    pub id: String,
    /// What is sent: `contents` up to the last model turn, with `systemInstruction`, `tools` and `toolConfig` if the row has
    /// them; in the shape of a `GenerateContentRequest`, `generationConfig` still missing.
    pub prompt: Map<String, Value>,
    /// The text of the last model turn: see [`turn::text`].
    pub reference: String,
}

/// Why a line cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RowFault {
    /// See [`LINE_BYTES_MAX`].
    #[error("line is longer than 4 MiB")]
    TooLong,
    /// Not JSON, or not an object.
    #[error("line is not a JSON object")]
    NotJson,
    /// `contents` is missing, or not an array.
    #[error("row has no `contents`")]
    NoContents,
    /// No model turn, so nothing to compare with.
    #[error("row has no model turn")]
    NoReference,
    /// The last model turn has no text: a file, or whitespace.
    #[error("last model turn has no text")]
    EmptyReference,
    /// The last model turn is the first turn.
    #[error("nothing precedes the last model turn")]
    NoPrompt,
}

/// Takes up to `limit` rows out of `lines`: those with the smallest hash of their content under `seed`. Empty lines are ignored.
pub fn choose<'a>(lines: impl IntoIterator<Item = &'a str>, limit: usize, seed: u64) -> RowSample {
    let limit = limit.min(ROWS_MAX);
    let mut chosen = BTreeMap::new();
    // Sixteen bytes per line: the whole evaluation split may pass through here.
    let mut digests = HashSet::new();
    let mut faults = BTreeMap::new();
    for line in lines
        .into_iter()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        match SampleRow::parse(line) {
            Ok(row) => {
                if digests.insert(XxHash3_128::oneshot(line.as_bytes())) {
                    chosen.insert(XxHash3_128::oneshot_with_seed(seed, line.as_bytes()), row);
                }
            }
            Err(fault) => *faults.entry(fault).or_default() += 1,
        }
        if chosen.len() > limit {
            chosen.pop_last();
        }
    }
    let rows: Vec<SampleRow> = chosen.into_values().collect();
    RowSample {
        planned: rows.len(),
        rows,
        usable: digests.len() as u64,
        faults,
    }
}

impl RowSample {
    /// Takes the rows after the first `planned` as added. They are those that a larger choice would have had after the same
    /// ones: the order is that of the hashes.
    #[must_use]
    pub fn with_planned(self, planned: usize) -> Self {
        Self {
            planned: planned.min(self.rows.len()),
            ..self
        }
    }

    /// Rows that were added.
    pub fn added(&self) -> usize {
        self.rows.len() - self.planned
    }

    /// Digest of the planned rows: 32 hexadecimal digits. Two evaluations are comparable only if theirs are equal, and the
    /// shards of an interrupted one are only reused for the same sample. Added rows change nothing, so that no answer to the
    /// others is paid for twice.
    pub fn digest(&self) -> String {
        let mut hash = XxHash3_128::new();
        for row in self.rows.iter().take(self.planned) {
            hash.write(row.id.as_bytes());
        }
        format!("{:032x}", hash.finish_128())
    }
}

impl SampleRow {
    /// Reads one line of the dataset.
    pub fn parse(line: &str) -> Result<Self, RowFault> {
        if line.len() > LINE_BYTES_MAX {
            return Err(RowFault::TooLong);
        }
        let Ok(Value::Object(mut example)) = serde_json::from_str(line) else {
            return Err(RowFault::NotJson);
        };
        let Some(Value::Array(mut contents)) = example.remove("contents") else {
            return Err(RowFault::NoContents);
        };
        let last = contents
            .iter()
            .rposition(is_model_turn)
            .ok_or(RowFault::NoReference)?;
        // What follows the last answer has no answer itself, so it is not part of the question.
        contents.truncate(last + 1);
        let reference = contents
            .pop()
            .map(|turn| turn::text(&turn))
            .unwrap_or_default();
        if reference.trim().is_empty() {
            return Err(RowFault::EmptyReference);
        }
        if contents.is_empty() {
            return Err(RowFault::NoPrompt);
        }
        let mut prompt = Map::from_iter([("contents".to_owned(), Value::from(contents))]);
        for (name, alias) in [
            ("systemInstruction", "system_instruction"),
            ("tools", "tools"),
            ("toolConfig", "tool_config"),
        ] {
            if let Some(value) = example.remove(name).or_else(|| example.remove(alias)) {
                prompt.insert(name.to_owned(), value);
            }
        }
        Ok(Self {
            id: format!("{:032x}", XxHash3_128::oneshot(line.as_bytes())),
            prompt,
            reference,
        })
    }

    /// The body of the call. Both models get exactly the same: a difference in settings would be measured as a difference between
    /// the models.
    pub fn request(&self, generation_config: &Value) -> Value {
        let mut request = self.prompt.clone();
        request.insert("generationConfig".to_owned(), generation_config.clone());
        Value::Object(request)
    }
}

/// Temperature 0 and a fixed seed, so that a repeated evaluation gives nearly the same answers ("mostly deterministic", in
/// Google's words). No `responseSchema`: a tuned model should have learnt the shape, and enforcing it would hide whether it did.
pub fn generation_config(output_tokens_max: u32) -> Value {
    json!({ "temperature": 0, "seed": 1, "candidateCount": 1, "maxOutputTokens": output_tokens_max })
}

/// Google ignores the case of roles.
fn is_model_turn(turn: &Value) -> bool {
    turn.get("role")
        .and_then(Value::as_str)
        .is_some_and(|role| role.eq_ignore_ascii_case("model"))
}

/// Rows are user data: a log may show digests and sizes only.
impl fmt::Debug for SampleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampleRow")
            .field("id", &self.id)
            .field("reference_bytes", &self.reference.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
