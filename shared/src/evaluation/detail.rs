//! What lies behind a verdict: where a model wins and loses, and what else could explain it. Shown, never tested:
//! of many slices some differ by chance.

use serde::{Deserialize, Serialize};

/// The details of an evaluation, on the metric that decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EvaluationDetail {
    /// Parts of the rows, by kind.
    pub slices: Vec<SliceScore>,
    /// Whether longer answers score higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<LengthBias>,
    /// The rows that the tuned model gains most on.
    pub best: Vec<PairScore>,
    /// The rows that it loses most on.
    pub worst: Vec<PairScore>,
    /// What one answer to every question would score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<ConstantAnswer>,
}

/// The scores of a part of the rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SliceScore {
    /// By what the rows are parted: `script`, `length` or `label`.
    pub kind: String,
    /// Which part.
    pub value: String,
    /// Rows in it.
    pub rows: u64,
    /// Mean score of the base model.
    pub base_mean: f64,
    /// Mean score of the tuned model.
    pub tuned_mean: f64,
    /// Tuned less base.
    pub difference: f64,
    /// Lower end of the 95 % interval of the difference.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How the length of answers and their scores go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LengthBias {
    /// Pearson's correlation, over the rows, of how much longer the tuned model's answer is with how much higher it
    /// scores: near 1, length alone may explain the lead.
    pub correlation: f64,
    /// Rows on which the tuned model's answer is not the longer one.
    pub not_longer: u64,
    /// The mean difference of the scores on those.
    pub difference_not_longer: f64,
}

/// The scores of one row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PairScore {
    /// Digest of the row: no text is kept here.
    pub row: String,
    /// The base model's score.
    pub base: f64,
    /// The tuned model's score.
    pub tuned: f64,
}

/// A model that always gives the most frequent expected answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConstantAnswer {
    /// Rows that expect that answer.
    pub rows: u64,
    /// Its mean score over all rows.
    pub mean: f64,
}
