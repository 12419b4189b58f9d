//! The report of a cleaning. Contains no text of any row, so it can be shown and stored anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    finding::Finding, meter::Crc32c, row_span::RowNumbers, severity::Severity, task::Task,
};

/// Everything found in a dataset. `rows.read` is the sum of the other three counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The overall result.
    pub verdict: ReportVerdict,
    /// The container of the rows: `jsonl`, `json_array`, `json_object`, `json_values`, `json_columns`, `csv`, `tsv`, `parquet`,
    /// `empty`, `unreadable`.
    pub container: String,
    /// The compression of the upload: `none`, `gzip`, `zstd`.
    #[serde(default)]
    pub compression: String,
    /// The character encoding: `utf-8`, `utf-16`, `binary`.
    #[serde(default)]
    pub encoding: String,
    /// The format of most rows, where any was recognised.
    pub format: Option<String>,
    /// Rows by format.
    pub formats: BTreeMap<String, u64>,
    /// What became of every column, by its name; the first 128.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnReport>,
    /// Kept rows by the language of their answers (ISO 639-3), if a recipe asks for it and the
    /// language is certain; the most frequent languages only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<String, u64>,
    /// The task that the rows train.
    pub task: Task,
    /// The version of the prompt around the rows: a digest of the recipe's template and system
    /// instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version: Option<String>,
    /// CRC32C of the raw bytes, as in Cloud Storage.
    pub crc32c: Crc32c,
    /// Length of the raw bytes.
    pub bytes: u64,
    /// Rows by outcome.
    pub rows: RowCounts,
    /// Blank lines, which do not count as rows.
    pub blank_lines: u64,
    /// Kept rows by split.
    pub splits: SplitCounts,
    /// The number of findings of each rule; always complete.
    pub codes: BTreeMap<String, u64>,
    /// The action taken for the findings of each rule.
    #[serde(default)]
    pub actions: BTreeMap<String, Severity>,
    /// How rows are found.
    #[serde(default)]
    pub numbers: RowNumbers,
    /// The numbers of the first three rows with a finding of each rule, their lines where `numbers` says so;
    /// 0 is the whole file.
    pub lines: BTreeMap<String, Vec<u64>>,
    /// Single findings, by line; the most severe ones if there are more than the settings allow.
    pub findings: Vec<Finding>,
    /// Findings that are counted but not listed.
    pub findings_omitted: u64,
    /// Estimated tokens of the kept rows.
    pub tokens: TokenCounts,
}

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Rows that have a value under it.
    pub rows: u64,
    /// What became of it, in some row at least.
    #[serde(rename = "use")]
    pub used: ColumnUse,
}

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnUse {
    /// It is read as it is.
    Read,
    /// It is read under another name or in another form, or obeyed.
    Converted,
    /// It is not read.
    Ignored,
}

/// The overall result of a cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportVerdict {
    /// Every row is kept and there is nothing to review.
    Clean,
    /// Rows were left out, or there is something to review.
    Findings,
    /// No row is kept.
    Unusable,
}

/// Rows by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows in the dataset.
    pub read: u64,
    /// Rows in one of the splits.
    pub kept: u64,
    /// Rows left out by a rule.
    pub rejected: u64,
    /// Rows left out as duplicates of an earlier row.
    pub duplicate: u64,
}

/// Kept rows by split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// For training.
    pub train: u64,
    /// For monitoring the tuning job.
    pub validation: u64,
    /// For comparing the base and the tuned model.
    pub eval: u64,
}

/// Estimated tokens of the kept rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// The method of the estimate.
    pub method: String,
    /// Questions, including system instructions and tools, per row.
    pub input: Distribution,
    /// Answers, per row.
    pub output: Distribution,
    /// The service's own count for a few rows, if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Estimated tokens of the training split, which the service bills for each epoch. For
    /// conversations with several answers it may bill more.
    pub billable_per_epoch: u64,
    /// The most that it may bill: for every answer, all that precedes it and the answer, as Google's
    /// own estimator counts. The same where no conversation has several answers. 0 in reports made
    /// before it was counted.
    #[serde(default)]
    pub billable_per_epoch_max: u64,
}

/// The estimate and the service's count for the same few rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// The model whose tokens were counted.
    pub model: String,
    /// The rows that were counted.
    pub rows: u64,
    /// Their estimated tokens.
    pub estimated: u64,
    /// Their tokens as counted by the service.
    pub counted: u64,
}

impl TokenCounts {
    /// The tokens that the service bills for each epoch: the estimate, corrected by the service's own
    /// count if there is one.
    pub fn billable(&self) -> u64 {
        self.corrected(self.billable_per_epoch)
    }

    /// The most tokens that the service may bill for each epoch, corrected likewise.
    pub fn billable_max(&self) -> u64 {
        self.corrected(self.billable_per_epoch.max(self.billable_per_epoch_max))
    }

    fn corrected(&self, estimate: u64) -> u64 {
        let Some(Calibration {
            estimated, counted, ..
        }) = self.calibration
        else {
            return estimate;
        };
        let corrected = u128::from(estimate) * u128::from(counted) / u128::from(estimated.max(1));
        u64::try_from(corrected).unwrap_or(u64::MAX)
    }
}

/// The distribution of token counts over rows; percentiles by nearest rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// The minimum.
    pub min: u32,
    /// The mean, rounded down.
    pub mean: u64,
    /// The median.
    pub p50: u32,
    /// The 95th percentile.
    pub p95: u32,
    /// The maximum.
    pub max: u32,
    /// The sum.
    pub sum: u64,
}
