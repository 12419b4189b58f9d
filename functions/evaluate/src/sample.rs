//! Which held-out rows a model is asked, and what each asks.
//!
//! The rows come from the evaluation split of a dataset version: Gemini's tuning format, one example a line. They were held
//! out when the version was made, so choosing among them is only a matter of cost; the choice depends on content and seed
//! alone, never on the order of lines, so that every run on one version answers the same questions.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use serde_json::{Map, Value, json};
use twox_hash::XxHash3_128;

use crate::turn;

/// Rows asked unless a setting says otherwise: enough to tell a difference of 6 points of a hundred where rows differ by 30, and
/// a few cents.
pub const ROWS_DEFAULT: usize = 200;

/// Rows asked at most: each costs two calls of a model.
pub const ROWS_MAX: usize = 2_000;

/// A longer line is a fault. Gemini takes about 131,000 tokens an example when tuned, some 4 bytes each, JSON escapes on top.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The rows to ask, in the order they are asked.
#[derive(Debug)]
pub struct RowSample {
    /// The chosen rows, ordered by id.
    pub rows: Vec<SampleRow>,
    /// Lines that hold an example which can be asked, repeats left out.
    pub usable: u64,
    /// Lines that cannot be asked, by reason. The cleaner leaves none; they are counted, and never silently skipped.
    pub faults: BTreeMap<RowFault, u64>,
}

/// One question with its expected answer.
#[derive(Clone, PartialEq)]
pub struct SampleRow {
    /// Digest of the line's content: 32 hexadecimal digits, the same wherever the line stands.
    pub id: String,
    /// What is sent: `contents` up to the last model turn, with `systemInstruction`, `tools` and `toolConfig` if the row has
    /// them; in the shape of a `GenerateContentRequest`, `generationConfig` still missing.
    pub prompt: Map<String, Value>,
    /// What the last model turn says: see [`turn::text`].
    pub reference: String,
}

/// Why a line cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RowFault {
    /// See [`LINE_BYTES_MAX`].
    #[error("line is longer than 4 MiB")]
    TooLong,
    /// Not JSON, or no object.
    #[error("line is not a JSON object")]
    NotJson,
    /// `contents` is missing, empty or no array.
    #[error("row has no `contents`")]
    NoContents,
    /// No turn of the model, so nothing to compare with.
    #[error("row has no model turn")]
    NoReference,
    /// The last model turn says nothing: a file, or blank text.
    #[error("last model turn says nothing")]
    BlankReference,
    /// The last model turn is the first turn.
    #[error("nothing precedes the last model turn")]
    NoPrompt,
}

/// Takes up to `limit` rows out of `lines`: those whose content hashes smallest under `seed`. Blank lines do not count.
pub fn choose<'a>(lines: impl IntoIterator<Item = &'a str>, limit: usize, seed: u64) -> RowSample {
    let limit = limit.min(ROWS_MAX);
    let mut chosen = BTreeMap::new();
    // Sixteen bytes a line: the whole evaluation split may pass through here.
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
    let mut rows: Vec<SampleRow> = chosen.into_values().collect();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    RowSample {
        rows,
        usable: digests.len() as u64,
        faults,
    }
}

impl RowSample {
    /// Digest of the chosen rows: 32 hexadecimal digits. Two evaluations are comparable only if theirs are equal, and the
    /// parts of an interrupted one are only taken up if it is the one they were written for.
    pub fn digest(&self) -> String {
        let mut hash = XxHash3_128::new();
        for row in &self.rows {
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
        // What follows the last answer has no answer: it is no part of the question.
        contents.truncate(last + 1);
        let reference = contents
            .pop()
            .map(|turn| turn::text(&turn))
            .unwrap_or_default();
        if reference.trim().is_empty() {
            return Err(RowFault::BlankReference);
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

    /// The body of the call. Both models get the same, to the letter: a difference in settings would be measured as one of
    /// the models.
    pub fn request(&self, generation_config: &Value) -> Value {
        let mut request = self.prompt.clone();
        request.insert("generationConfig".to_owned(), generation_config.clone());
        Value::Object(request)
    }
}

/// Temperature 0 and a fixed seed, so that a repeated evaluation is as good as the same ("mostly deterministic", says Google).
/// No `responseSchema`: a tuned model has learnt its shape, and forcing it would hide that.
pub fn generation_config(output_tokens_max: u32) -> Value {
    json!({ "temperature": 0, "seed": 1, "candidateCount": 1, "maxOutputTokens": output_tokens_max })
}

/// Google reads roles whatever their case.
fn is_model_turn(turn: &Value) -> bool {
    turn.get("role")
        .and_then(Value::as_str)
        .is_some_and(|role| role.eq_ignore_ascii_case("model"))
}

/// Rows are data of the user: a log may show the digest and sizes.
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
