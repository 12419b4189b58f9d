//! The scores of the Python reference implementations, as `tests/golden/generate.py` wrote them.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

/// The committed scores.
#[derive(Deserialize)]
pub(crate) struct Golden {
    /// `sacrebleu.BLEU().corpus_score` over all rows, 0 to 100.
    #[serde(deserialize_with = "exactly")]
    pub(crate) corpus_bleu: f64,
    /// The pairs, in order.
    pub(crate) rows: Vec<GoldenRow>,
}

/// One pair and its scores.
#[derive(Deserialize)]
pub(crate) struct GoldenRow {
    pub(crate) prediction: String,
    pub(crate) reference: String,
    /// F-measure with stemming, `rouge_score` 0.1.2.
    #[serde(deserialize_with = "exactly")]
    pub(crate) rouge1: f64,
    /// F-measure with stemming, `rouge_score` 0.1.2.
    #[serde(rename = "rougeL", deserialize_with = "exactly")]
    pub(crate) rouge_l: f64,
    /// `sentence_score` with `effective_order=True`, 0 to 100, `sacrebleu` 2.6.0.
    #[serde(deserialize_with = "exactly")]
    pub(crate) bleu: f64,
    /// The prediction's tokens, `sacrebleu` 2.6.0.
    pub(crate) tokens_13a: Vec<String>,
    /// `Indel.normalized_similarity`, `rapidfuzz` 3.14.6.
    #[serde(deserialize_with = "exactly")]
    pub(crate) indel: f64,
}

/// `serde_json` may read a float wrong in its last bit; `parse` reads it exactly, and some tests are exact.
fn exactly<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    <&RawValue>::deserialize(deserializer)?
        .get()
        .parse()
        .map_err(D::Error::custom)
}

/// Reads the committed scores.
pub(crate) fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/metrics.json")).unwrap()
}

/// Fails, naming the pair, unless every row scores as in the reference implementation, give or take `tolerance`.
#[track_caller]
pub(crate) fn check(
    tolerance: f64,
    ours: impl Fn(&str, &str) -> f64,
    theirs: impl Fn(&GoldenRow) -> f64,
) {
    for row in golden().rows {
        let (ours, theirs) = (ours(&row.prediction, &row.reference), theirs(&row));
        assert!(
            (ours - theirs).abs() <= tolerance,
            "{:?} against {:?}: {ours:?}, not {theirs:?}",
            row.prediction,
            row.reference,
        );
    }
}
