//! What a cleaning tells about a dataset. Holds no text of any row, so it can be shown and kept
//! anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{finding::Finding, meter::Crc32c, severity::Severity, task::Task};

/// Everything found about a dataset. `rows.read` is the sum of the other three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In a word.
    pub verdict: Verdict,
    /// How the rows are wrapped: `jsonl`, `json_array`, `json_object`, `csv`, `tsv`, `parquet`,
    /// `empty`, `unreadable`.
    pub container: String,
    /// What the upload is packed in: `none`, `gzip`, `zstd`.
    #[serde(default)]
    pub compression: String,
    /// How characters are written: `utf-8`, `utf-16`, `binary`.
    #[serde(default)]
    pub encoding: String,
    /// The format of most rows, where any was recognised.
    pub format: Option<String>,
    /// Rows by format.
    pub formats: BTreeMap<String, u64>,
    /// Kept rows by the language they answer in (ISO 639-3), where a recipe asks for that and the
    /// language is sure; the commonest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<String, u64>,
    /// What the rows teach.
    pub task: Task,
    /// Which prompt the rows were put into: of the recipe's template and system instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version: Option<String>,
    /// CRC32C of the raw bytes, as Cloud Storage states it.
    pub crc32c: Crc32c,
    /// Length of the raw bytes.
    pub bytes: u64,
    /// Rows by fate.
    pub rows: RowCounts,
    /// Blank lines, which are no rows.
    pub blank_lines: u64,
    /// Kept rows by part.
    pub splits: SplitCounts,
    /// How often each rule found something; never cut.
    pub codes: BTreeMap<String, u64>,
    /// What was done where each rule found something.
    #[serde(default)]
    pub actions: BTreeMap<String, Severity>,
    /// The first three lines on which each rule found something; 0 is the whole file.
    pub lines: BTreeMap<String, Vec<u64>>,
    /// Findings one by one, by line; the gravest, where there are more than the settings allow.
    pub findings: Vec<Finding>,
    /// Findings that are counted and not listed for lack of room.
    pub findings_omitted: u64,
    /// How many tokens the kept rows may be.
    pub tokens: TokenCounts,
}

/// A dataset in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every row is kept and nothing wants a look.
    Clean,
    /// Rows were left out, or something wants a look.
    Findings,
    /// No row is kept.
    Unusable,
}

/// Rows by fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows in the dataset.
    pub read: u64,
    /// Rows that went into a part.
    pub kept: u64,
    /// Rows left out by a rule.
    pub rejected: u64,
    /// Rows left out because an earlier one says the same.
    pub duplicate: u64,
}

/// Kept rows by part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// To be learnt.
    pub train: u64,
    /// To watch the job by.
    pub validation: u64,
    /// To compare base and tuned model with.
    pub eval: u64,
}

/// How many tokens the kept rows may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// How this was counted: it is an estimate.
    pub method: String,
    /// What is asked, system instructions and tools included, per row.
    pub input: Distribution,
    /// What is answered, per row.
    pub output: Distribution,
    /// What the service counts in a few rows, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Tokens of the training part, estimated: what the service bills for each epoch. Of conversations with
    /// several answers it may bill more.
    pub billable_per_epoch: u64,
}

/// Our estimate beside the service's count, of the same few rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// The model whose tokens were counted.
    pub model: String,
    /// The rows that were counted.
    pub rows: u64,
    /// Their tokens by the estimate.
    pub estimated: u64,
    /// Their tokens by the service.
    pub counted: u64,
}

impl TokenCounts {
    /// What the service bills for each epoch: the estimate, corrected by its own count if there is
    /// one.
    pub fn billable(&self) -> u64 {
        let Some(Calibration {
            estimated, counted, ..
        }) = self.calibration
        else {
            return self.billable_per_epoch;
        };
        let corrected = u128::from(self.billable_per_epoch) * u128::from(counted)
            / u128::from(estimated.max(1));
        u64::try_from(corrected).unwrap_or(u64::MAX)
    }
}

/// Counts of tokens over rows; percentiles by nearest rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// The smallest.
    pub min: u32,
    /// The mean, rounded down.
    pub mean: u64,
    /// The median.
    pub p50: u32,
    /// What 95 of 100 rows do not exceed.
    pub p95: u32,
    /// The largest.
    pub max: u32,
    /// All together.
    pub sum: u64,
}
