//! `rougeL`: F-measure of the longest common subsequence, as Google's `rouge_score` computes it: see `rouge.rs`.

use std::sync::LazyLock;

use rougers::RougeType;

use super::rouge::Rouge;
use crate::metric::Metric;

/// See the module.
pub struct RougeL;

static ROUGE: LazyLock<Rouge> = LazyLock::new(|| Rouge::new("rougeL", RougeType::L));

impl Metric for RougeL {
    fn name(&self) -> &'static str {
        "rougeL"
    }

    fn doc(&self) -> &'static str {
        "Longest common subsequence of words after stemming."
    }

    fn score(&self, prediction: &str, reference: &str) -> f64 {
        ROUGE.f_measure(prediction, reference)
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
