//! `exact`: 1 if the answer is the reference, else 0. The metric for labels, yes or no, and numbers.
//!
//! Whitespace (Unicode's `White_Space`) is trimmed at both ends, and every sequence of it inside counts as one space. Nothing
//! else is ignored: not case, not punctuation, not another normal form of the same character, since the code that reads a label
//! would not ignore it either.

use crate::metric::Metric;

/// See the module.
pub struct Exact;

impl Metric for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn doc(&self) -> &'static str {
        "1 if the answer equals the reference word for word, else 0."
    }

    fn score(&self, prediction: &str, reference: &str) -> f64 {
        if prediction
            .split_whitespace()
            .eq(reference.split_whitespace())
        {
            1.0
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prediction: &str, reference: &str, same: bool) {
        let expected = f64::from(u8::from(same));
        assert!(
            (Exact.score(prediction, reference) - expected).abs() < f64::EPSILON,
            "{prediction:?} against {reference:?}"
        );
    }

    #[test]
    fn only_whitespace_is_ignored() {
        check("yes", "yes", true);
        check(" yes\n", "yes", true);
        check("two\u{a0} words", "two words", true);
        check("Yes", "yes", false);
        check("yes.", "yes", false);
        check("twowords", "two words", false);
        check("caf\u{e9}", "cafe\u{301}", false);
        check("", "", true);
        check("", "yes", false);
    }
}
