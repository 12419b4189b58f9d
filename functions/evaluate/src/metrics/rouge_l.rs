//! `rougeL`: F-measure of the longest common subsequence, as Google's `rouge_score` computes it.
//!
//! Source: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004; `rouge_score` 0.1.2 with
//! `use_stemmer=True`. The crate `rougers` ports it bit for bit. It only sees `[a-z0-9]+`: other scripts score 0, which is why
//! [`crate::compare`] does not judge them by it.

use std::sync::LazyLock;

use rougers::{RougeScorer, RougeType};

use super::Metric;

/// See the module.
pub struct RougeL;

const TYPE: RougeType = RougeType::L;

#[expect(
    clippy::expect_used,
    reason = "the type is a constant that rougers knows; a test scores with it"
)]
static SCORER: LazyLock<RougeScorer> =
    LazyLock::new(|| RougeScorer::new(["rougeL"], true).expect("a type that rougers knows"));

impl Metric for RougeL {
    fn name(&self) -> &'static str {
        "rougeL"
    }

    fn doc(&self) -> &'static str {
        "Longest common run of words, gaps allowed, after stemming."
    }

    fn score(&self, prediction: &str, reference: &str) -> f64 {
        SCORER
            .score(reference, prediction)
            .get(TYPE)
            .map_or(0.0, |score| score.fmeasure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::golden;

    #[test]
    fn scores_are_those_of_rouge_score_bit_for_bit() {
        golden::check(
            0.0,
            |prediction, reference| RougeL.score(prediction, reference),
            |row| row.rouge_l,
        );
    }
}
