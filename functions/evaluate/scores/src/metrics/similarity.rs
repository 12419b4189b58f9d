//! `similarity`: the normalised Indel ratio over characters: 1 − (insertions + deletions) / (both
//! lengths).
//!
//! This is twice the longest common subsequence over the sum of the lengths. It sees every script,
//! punctuation and indentation. Source: `rapidfuzz` (`Indel.normalized_similarity`; its `fuzz.ratio` over
//! 100). It is *not* Python's `difflib` ratio, which differs by a third on texts of 200 characters and
//! more (its `autojunk` heuristic).

use crate::metric::{Metric, TextPair};

/// See the module.
#[derive(Debug)]
pub struct Similarity;

/// The metric.
pub const SIMILARITY: Similarity = Similarity;

impl Metric for Similarity {
    fn name(&self) -> &'static str {
        "similarity"
    }

    fn doc(&self) -> &'static str {
        "Share of characters that are kept when the answer is edited into the reference."
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        rapidfuzz::fuzz::ratio(pair.prediction.chars(), pair.reference.chars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rapidfuzz() {
        golden::check(1e-12, &SIMILARITY, |row| row.indel);
    }
}
