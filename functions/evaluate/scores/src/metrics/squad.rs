//! `squad_exact`, `token_f1`: equality, and F1 over words, of short answers without case, punctuation and
//! articles.
//!
//! Source: Rajpurkar et al., "SQuAD: 100,000+ questions for machine comprehension of text", 2016; the
//! scorer of version 2.0, in which two answers without words are equal.

use crate::{
    metric::{Metric, ScoreScale, TextPair, count, f_measure, right},
    text::form::TextForm,
};

/// See the module.
#[derive(Debug)]
pub struct SquadExact;

/// See the module.
#[derive(Debug)]
pub struct TokenF1;

/// Equality.
pub const SQUAD_EXACT: SquadExact = SquadExact;
/// F1 over words.
pub const TOKEN_F1: TokenF1 = TokenF1;

impl Metric for SquadExact {
    fn name(&self) -> &'static str {
        "squad_exact"
    }

    fn doc(&self) -> &'static str {
        "1 if the answer equals the reference but for case, punctuation and articles, else 0."
    }

    fn scale(&self) -> ScoreScale {
        ScoreScale::Binary
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let (words, _) = pair.read(TextForm::Squad);
        right(words.prediction == words.reference)
    }
}

impl Metric for TokenF1 {
    fn name(&self) -> &'static str {
        "token_f1"
    }

    fn doc(&self) -> &'static str {
        "F1 over the words but for case, punctuation and articles."
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let (words, kernels) = pair.read(TextForm::Squad);
        if words.prediction.is_empty() || words.reference.is_empty() {
            return right(words.prediction == words.reference);
        }
        let tally = &mut kernels.tally;
        let shared = count(tally.shared(words.prediction, words.reference, words.symbols));
        let precision = shared / count(words.prediction.len());
        f_measure(precision, shared / count(words.reference.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_squad() {
        golden::check(0.0, &SQUAD_EXACT, |row| row.squad_exact);
        golden::check(1e-12, &TOKEN_F1, |row| row.token_f1);
    }
}
