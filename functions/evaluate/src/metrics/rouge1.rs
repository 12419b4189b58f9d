//! `rouge1`: F-measure of the unigram overlap, as Google's `rouge_score` computes it: see `rouge.rs`.

use std::sync::LazyLock;

use rougers::RougeType;

use super::rouge::Rouge;
use crate::metric::Metric;

/// See the module.
pub struct Rouge1;

static ROUGE: LazyLock<Rouge> = LazyLock::new(|| Rouge::new("rouge1", RougeType::N(1)));

impl Metric for Rouge1 {
    fn name(&self) -> &'static str {
        "rouge1"
    }

    fn doc(&self) -> &'static str {
        "Overlap of single words after stemming."
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
            |prediction, reference| Rouge1.score(prediction, reference),
            |row| row.rouge1,
        );
    }
}
