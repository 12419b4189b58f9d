//! `similarity`: the normalised Indel ratio over characters: 1 − (insertions + deletions) / (both lengths).
//!
//! This is twice the longest common subsequence over the sum of the lengths. It sees every script, punctuation and indentation,
//! so it is the metric for code and for languages that `rougeL` cannot read. Source: `rapidfuzz` (`Indel.normalized_similarity`; its
//! `fuzz.ratio` over 100). It is *not* Python's `difflib` ratio, which differs by a third on texts of 200 characters and more
//! (its `autojunk` heuristic).

use crate::metric::Metric;

/// See the module.
pub struct Similarity;

impl Metric for Similarity {
    fn name(&self) -> &'static str {
        "similarity"
    }

    fn doc(&self) -> &'static str {
        "Share of characters that are kept when the answer is edited into the reference."
    }

    fn score(&self, prediction: &str, reference: &str) -> f64 {
        rapidfuzz::fuzz::ratio(prediction.chars(), reference.chars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::golden;

    #[test]
    fn scores_are_those_of_rapidfuzz() {
        // The last bit of one division may differ between the two.
        golden::check(
            1e-15,
            |prediction, reference| Similarity.score(prediction, reference),
            |row| row.indel,
        );
    }
}
