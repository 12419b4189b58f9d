//! `chrf`, `chrf++`: F-score, recall counted twice, of shared n-grams of one to six characters; with
//! `++` also of single words and pairs of words.
//!
//! Source: Popović, "chrF: character n-gram F-score for automatic MT evaluation", 2015, and "chrF++:
//! words helping character n-grams", 2017; `sacrebleu` 2.6.0.

use crate::{
    metric::{CorpusScore, Metric, Scratch, TextPair, count},
    text::{form::TextForm, ngrams::OverlapCounts},
};

/// The longest n-grams of characters.
const CHARACTER_ORDERS: usize = 6;
/// The square of beta: recall weighs twice as much as precision.
const BETA_SQUARED: f64 = 4.0;

/// See the module. A row's score is the sentence score over 100.
#[derive(Debug)]
pub struct Chrf {
    name: &'static str,
    doc: &'static str,
    corpus_name: &'static str,
    word_orders: usize,
}

/// chrF: characters only.
pub const CHRF: Chrf = Chrf {
    name: "chrf",
    doc: "Shared n-grams of one to six characters.",
    corpus_name: "chrF2",
    word_orders: 0,
};
/// chrF++: characters, and up to two words.
pub const CHRF_PLUS_PLUS: Chrf = Chrf {
    name: "chrf++",
    doc: "Shared n-grams of one to six characters and of one and two words.",
    corpus_name: "chrF2++",
    word_orders: 2,
};

/// What chrF is computed from; sums over rows.
#[derive(Debug, Clone, Copy, Default)]
struct ChrfCounts {
    characters: OverlapCounts,
    words: OverlapCounts,
}

impl Chrf {
    /// The score of one answer, 0 to 100: `sentence_score`.
    pub fn sentence(&self, pair: &mut TextPair<'_>) -> f64 {
        self.f_score(&self.counts(pair))
    }

    fn counts(&self, pair: &mut TextPair<'_>) -> ChrfCounts {
        let mut counts = ChrfCounts::default();
        let (characters, kernels) = pair.read(TextForm::Characters);
        let (prediction, reference) = (characters.prediction, characters.reference);
        let ngrams = &mut kernels.ngrams;
        counts.characters = ngrams.overlap(prediction, reference, CHARACTER_ORDERS);
        if self.word_orders > 0 {
            let (words, kernels) = pair.read(TextForm::ChrfWords);
            let ngrams = &mut kernels.ngrams;
            counts.words = ngrams.overlap(words.prediction, words.reference, self.word_orders);
        }
        without_unreferenced(&mut counts.characters);
        without_unreferenced(&mut counts.words);
        counts
    }

    fn f_score(&self, counts: &ChrfCounts) -> f64 {
        let characters = orders(&counts.characters, CHARACTER_ORDERS);
        let orders = characters.chain(orders(&counts.words, self.word_orders));
        let (mut precisions, mut recalls, mut used) = (0.0, 0.0, 0.0);
        for (prediction, reference, shared) in orders {
            if prediction > 0 && reference > 0 {
                precisions += count(shared) / count(prediction);
                recalls += count(shared) / count(reference);
                used += 1.0;
            }
        }
        if precisions + recalls > 0.0 {
            let (precision, recall) = (precisions / used, recalls / used);
            let score = (1.0 + BETA_SQUARED) * precision * recall;
            100.0 * (score / (BETA_SQUARED * precision + recall))
        } else {
            0.0
        }
    }
}

/// The prediction's n-grams of an order that the reference is too short for do not count.
fn without_unreferenced(counts: &mut OverlapCounts) {
    for (prediction, reference) in counts.prediction.iter_mut().zip(&counts.reference) {
        if *reference == 0 {
            *prediction = 0;
        }
    }
}

/// For each order the n-grams of the prediction, of the reference, and of both.
fn orders(counts: &OverlapCounts, orders: usize) -> impl Iterator<Item = (u64, u64, u64)> {
    let sides = counts.prediction.iter().zip(&counts.reference);
    let orders = sides.zip(&counts.shared).take(orders);
    orders.map(|((prediction, reference), shared)| (*prediction, *reference, *shared))
}

impl Metric for Chrf {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        (self.sentence(pair) / 100.0).min(1.0)
    }

    fn corpus(&self, pairs: &[(&str, &str)]) -> Vec<CorpusScore> {
        let mut scratch = Scratch::default();
        let mut sums = ChrfCounts::default();
        for (prediction, reference) in pairs {
            let counts = self.counts(&mut scratch.pair(prediction, reference));
            sums.characters.add(&counts.characters);
            sums.words.add(&counts.words);
        }
        let words = self.word_orders;
        vec![CorpusScore {
            name: self.corpus_name,
            value: self.f_score(&sums),
            signature: format!("nrefs:1|case:mixed|eff:yes|nc:6|nw:{words}|space:no|version:2.6.0"),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_sacrebleu() {
        golden::check(1e-9, &CHRF, |row| (row.chrf / 100.0).min(1.0));
        golden::check(1e-9, &CHRF_PLUS_PLUS, |row| {
            (row.chrf_plus_plus / 100.0).min(1.0)
        });
        golden::check_corpus(&CHRF);
        golden::check_corpus(&CHRF_PLUS_PLUS);
    }
}
