//! `levenshtein`: 1 − edits / the longer length, where an edit inserts, deletes or replaces a character.
//!
//! Source: Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966;
//! `rapidfuzz` (`Levenshtein.normalized_similarity`).

use rapidfuzz::distance::levenshtein;

use crate::metric::{Metric, TextPair};

/// See the module.
#[derive(Debug)]
pub struct Levenshtein;

/// The metric.
pub const LEVENSHTEIN: Levenshtein = Levenshtein;

impl Metric for Levenshtein {
    fn name(&self) -> &'static str {
        "levenshtein"
    }

    fn doc(&self) -> &'static str {
        "1 less the share of characters to insert, delete or replace."
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        levenshtein::normalized_similarity(pair.prediction.chars(), pair.reference.chars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rapidfuzz() {
        golden::check(1e-12, &LEVENSHTEIN, |row| row.levenshtein);
    }
}
