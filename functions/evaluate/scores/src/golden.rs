//! What the reference implementations answer, as `tests/golden/generate.py` wrote it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use crate::metric::{Metric, Scratch};

/// The committed scores.
#[derive(Deserialize)]
pub(crate) struct Golden {
    /// Pairs and their scores.
    pub(crate) rows: Vec<GoldenRow>,
    /// Words and their stems, by NLTK.
    pub(crate) stems: Vec<(String, String)>,
    /// By settings, such as `13a exp effective lowercase`.
    pub(crate) bleu_settings: BTreeMap<String, GoldenBleu>,
    /// By metric, over all rows.
    pub(crate) corpus: BTreeMap<String, GoldenCorpus>,
    /// Sets of labels.
    pub(crate) labels: Vec<GoldenLabels>,
}

#[derive(Deserialize)]
pub(crate) struct GoldenBleu {
    pub(crate) signature: String,
    pub(crate) corpus: f64,
    pub(crate) sentences: Vec<f64>,
}

#[derive(Deserialize)]
pub(crate) struct GoldenCorpus {
    name: String,
    signature: String,
    value: f64,
}

#[derive(Deserialize)]
pub(crate) struct GoldenLabels {
    predictions: Vec<String>,
    references: Vec<String>,
    pub(crate) accuracy: f64,
    pub(crate) micro_f1: f64,
    pub(crate) macro_f1: f64,
}

/// One pair and its scores: F-measures of `rouge_score`, 0 to 1; sacreBLEU, 0 to 100 and above for TER;
/// `rapidfuzz` and SQuAD, 0 to 1.
#[derive(Deserialize)]
pub(crate) struct GoldenRow {
    pub(crate) prediction: String,
    pub(crate) reference: String,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge1: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge2: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge_l: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge_lsum: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge1_unstemmed: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge2_unstemmed: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge_l_unstemmed: f64,
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge_lsum_unstemmed: f64,
    pub(crate) bleu: f64,
    pub(crate) bleu_intl: f64,
    pub(crate) bleu_char: f64,
    pub(crate) bleu_none: f64,
    pub(crate) chrf: f64,
    pub(crate) chrf_plus_plus: f64,
    pub(crate) ter: f64,
    pub(crate) squad_exact: f64,
    pub(crate) token_f1: f64,
    pub(crate) indel: f64,
    pub(crate) levenshtein: f64,
    pub(crate) jaro_winkler: f64,
    pub(crate) code: f64,
    /// The prediction's tokens `13a`.
    pub(crate) tokens_13a: Vec<String>,
}

/// `serde_json` may read a float wrong in its last bit; `parse` reads it exactly, and some tests are
/// exact.
fn exactly<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = Box::<RawValue>::deserialize(deserializer)?;
    number.get().parse().map_err(D::Error::custom)
}

/// Reads the committed scores.
pub(crate) fn read() -> Golden {
    serde_json::from_str(include_str!("../tests/golden/scores.json")).unwrap()
}

impl Golden {
    /// Predictions and references.
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        let rows = self.rows.iter();
        rows.map(|row| (row.prediction.as_str(), row.reference.as_str()))
            .collect()
    }
}

impl GoldenLabels {
    /// Predictions and references.
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.predictions.iter().zip(&self.references);
        pairs
            .map(|(one, other)| (one.as_str(), other.as_str()))
            .collect()
    }
}

/// Fails, naming the text, unless both scores are equal, give or take `tolerance`.
#[track_caller]
pub(crate) fn close(ours: f64, theirs: f64, tolerance: f64, text: &str) {
    assert!(
        (ours - theirs).abs() <= tolerance,
        "{text:?}: {ours:?}, not {theirs:?}"
    );
}

/// Fails, naming the pair, unless every row scores as in the reference implementation.
#[track_caller]
pub(crate) fn check(tolerance: f64, metric: &dyn Metric, theirs: impl Fn(&GoldenRow) -> f64) {
    let mut scratch = Scratch::default();
    for row in read().rows {
        let ours = metric.score(&mut scratch.pair(&row.prediction, &row.reference));
        let texts = format!("{} against {}", row.prediction, row.reference);
        close(ours, theirs(&row), tolerance, &texts);
    }
}

/// Fails unless the number over all rows, and its signature, are those of the reference implementation.
#[track_caller]
pub(crate) fn check_corpus(metric: &dyn Metric) {
    let golden = read();
    let expected = &golden.corpus[metric.name()];
    let scores = metric.corpus(&golden.pairs());
    assert_eq!(scores.len(), 1);
    assert_eq!(
        (scores[0].name, &scores[0].signature),
        (expected.name.as_str(), &expected.signature)
    );
    close(scores[0].value, expected.value, 1e-9, metric.name());
}

/// Fails unless one pair has the score.
#[track_caller]
pub(crate) fn check_one(metric: &dyn Metric, prediction: &str, reference: &str, expected: f64) {
    let score = metric.score(&mut Scratch::default().pair(prediction, reference));
    let text = format!("{}: {prediction} against {reference}", metric.name());
    close(score, expected, 1e-12, &text);
}
