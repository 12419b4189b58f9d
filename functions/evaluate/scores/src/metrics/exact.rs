//! `exact`: 1 if the answer is the reference, else 0. The metric for labels, and for yes or no; the mean
//! is the accuracy.
//!
//! White space (Unicode's `White_Space`) is trimmed at both ends, and every sequence of it inside counts
//! as one space. Nothing else is ignored: not case, not punctuation, not another normal form of the same
//! character, since the code that reads a label would not ignore it either.

mod labels;

use self::labels::LabelTally;
use crate::metric::{CorpusScore, Metric, ScoreScale, TextPair, right};

/// See the module.
#[derive(Debug)]
pub struct Exact;

/// The metric.
pub const EXACT: Exact = Exact;

impl Metric for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn doc(&self) -> &'static str {
        "1 if the answer equals the reference word for word, else 0."
    }

    fn scale(&self) -> ScoreScale {
        ScoreScale::Binary
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let prediction = pair.prediction.split_whitespace();
        right(prediction.eq(pair.reference.split_whitespace()))
    }

    fn corpus(&self, pairs: &[(&str, &str)]) -> Vec<CorpusScore> {
        LabelTally::of(pairs).scores()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn only_white_space_is_ignored() {
        for (prediction, reference, expected) in [
            ("yes", "yes", 1.0),
            (" yes\n", "yes", 1.0),
            ("two\u{a0} words", "two words", 1.0),
            ("Yes", "yes", 0.0),
            ("yes.", "yes", 0.0),
            ("twowords", "two words", 0.0),
            ("caf\u{e9}", "cafe\u{301}", 0.0),
            ("", "", 1.0),
            ("", "yes", 0.0),
        ] {
            golden::check_one(&EXACT, prediction, reference, expected);
        }
    }

    #[test]
    fn f1_of_labels_is_that_of_scikit_learn() {
        for set in golden::read().labels {
            let pairs: Vec<(&str, &str)> = set.pairs();
            let scores = EXACT.corpus(&pairs);
            let score = |name: &str| scores.iter().find(|it| it.name == name).unwrap().value;
            golden::close(score("accuracy"), set.accuracy, 1e-9, "accuracy");
            golden::close(score("micro-F1"), set.micro_f1, 1e-9, "micro");
            golden::close(score("macro-F1"), set.macro_f1, 1e-9, "macro");
        }
        let none = EXACT.corpus(&[]);
        assert!(none.iter().all(|score| score.value.abs() < f64::EPSILON));
    }
}
