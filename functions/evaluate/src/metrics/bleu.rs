//! `bleu`: how many n-grams of one to four words the answer shares with its reference, as `sacrebleu` computes it.
//!
//! Source: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002; exponential smoothing is
//! method 3 of Chen and Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU", 2014, as in NIST's
//! `mteval-v13a.pl`; Post, "A call for clarity in reporting BLEU scores", 2018. Written here, because no
//! crate that we found agrees with `sacrebleu` 2.6.0 on single sentences.

mod tokens;

use std::collections::HashMap;

use crate::metric::Metric;

/// See the module. A row's score is the sentence score over 100.
pub struct Bleu;

impl Metric for Bleu {
    fn name(&self) -> &'static str {
        "bleu"
    }

    fn doc(&self) -> &'static str {
        "Shared n-grams of one to four words, with a penalty for brevity."
    }

    fn score(&self, prediction: &str, reference: &str) -> f64 {
        // A perfect answer scores 100.00000000000004, in `sacrebleu` as well as here.
        (sentence(prediction, reference) / 100.0).min(1.0)
    }
}

/// The score of one answer, 0 to 100: `BLEU(effective_order=True).sentence_score`.
pub fn sentence(prediction: &str, reference: &str) -> f64 {
    let mut counts = NgramCounts::default();
    counts.add(prediction, reference);
    counts.score(MaxOrder::Effective)
}

/// The score of a whole set, 0 to 100: `BLEU().corpus_score`. Not the mean over the sentences: long answers weigh more.
pub fn corpus<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> f64 {
    let mut counts = NgramCounts::default();
    for (prediction, reference) in pairs {
        counts.add(prediction, reference);
    }
    counts.score(MaxOrder::Full)
}

/// Words of the longest n-grams, as in the paper.
const ORDER_MAX: usize = 4;

/// Up to which order the mean is taken.
#[derive(Clone, Copy)]
enum MaxOrder {
    /// Up to four words, whatever the length of the text.
    Full,
    /// Up to as many words as the answer has, so that "yes" can be right.
    Effective,
}

/// What BLEU is computed from; sums over rows.
#[derive(Default)]
struct NgramCounts {
    shared: [u64; ORDER_MAX],
    total: [u64; ORDER_MAX],
    prediction_words: u64,
    reference_words: u64,
}

impl NgramCounts {
    fn add(&mut self, prediction: &str, reference: &str) {
        let (prediction, reference) = (tokens::prepare(prediction), tokens::prepare(reference));
        let prediction: Vec<&str> = tokens::split(&prediction).collect();
        let reference: Vec<&str> = tokens::split(&reference).collect();
        self.prediction_words += prediction.len() as u64;
        self.reference_words += reference.len() as u64;
        for ((order, shared), total) in (1..).zip(&mut self.shared).zip(&mut self.total) {
            *total += (prediction.len() + 1).saturating_sub(order) as u64;
            *shared += overlap(&prediction, &reference, order);
        }
    }

    /// The arithmetic in the same order as in `sacrebleu`, for equality to the last bit.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of words are far below 2^52"
    )]
    fn score(&self, order: MaxOrder) -> f64 {
        // Without any n-gram of four words, `sacrebleu` uses −9,999,999,999 for the logarithm of 0, which gives 0.
        let undefined = matches!(order, MaxOrder::Full) && self.total.contains(&0);
        if undefined || self.shared == [0; ORDER_MAX] {
            return 0.0;
        }
        let mut smooth = 1.0;
        let mut logs = 0.0;
        let mut orders = 0_u32;
        for (&shared, &total) in self.shared.iter().zip(&self.total) {
            if total == 0 {
                break;
            }
            orders += 1;
            let precision = if shared == 0 {
                smooth *= 2.0;
                100.0 / (smooth * total as f64)
            } else {
                100.0 * shared as f64 / total as f64
            };
            logs += f64::ln(precision);
        }
        self.brevity() * (logs / f64::from(orders)).exp()
    }

    /// 1, or less where the answer is shorter than its reference.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of words are far below 2^52"
    )]
    fn brevity(&self) -> f64 {
        let (ours, theirs) = (self.prediction_words, self.reference_words);
        match ours {
            0 => 0.0,
            _ if ours >= theirs => 1.0,
            _ => (1.0 - theirs as f64 / ours as f64).exp(),
        }
    }
}

/// How many n-grams of `order` words are in both, each counted at most as often as it is in the reference.
fn overlap(prediction: &[&str], reference: &[&str], order: usize) -> u64 {
    let mut left: HashMap<&[&str], u64> = HashMap::new();
    for ngram in reference.windows(order) {
        *left.entry(ngram).or_default() += 1;
    }
    let mut shared = 0;
    for ngram in prediction.windows(order) {
        if let Some(count) = left.get_mut(ngram).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::golden;

    /// The arithmetic is the same step by step, but `ln` and `exp` may differ in the last bits between math libraries.
    const TOLERANCE: f64 = 1e-12 * 100.0;

    #[test]
    fn sentence_scores_are_those_of_sacrebleu() {
        golden::check(TOLERANCE, sentence, |row| row.bleu);
    }

    #[test]
    fn the_corpus_score_is_that_of_sacrebleu() {
        let golden = golden::golden();
        let ours = corpus(
            golden
                .rows
                .iter()
                .map(|row| (row.prediction.as_str(), row.reference.as_str())),
        );
        assert!(
            (ours - golden.corpus_bleu).abs() <= TOLERANCE,
            "{ours:?}, not {:?}",
            golden.corpus_bleu
        );
    }

    #[test]
    fn a_corpus_without_four_grams_scores_0() {
        assert!(corpus([("yes", "yes")]) < TOLERANCE);
        assert!(corpus([]) < TOLERANCE);
    }
}
