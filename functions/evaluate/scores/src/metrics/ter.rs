//! `ter`: 1 less the translation edit rate, at least 0. The edit rate is the number of words to insert,
//! delete, replace or move (a block at a time) over the length of the reference; lower is better, and it
//! has no upper bound.
//!
//! Source: Snover et al., "A study of translation edit rate with targeted human annotation", 2006;
//! `sacrebleu` 2.6.0 with its defaults, which follow the program Tercom.

mod edits;
mod shift;

use self::shift::edits;
use crate::{
    metric::{CorpusScore, Metric, Scratch, TextPair, count},
    text::form::TextForm,
};

/// See the module.
#[derive(Debug)]
pub struct Ter;

/// The metric.
pub const TER: Ter = Ter;

/// With sacreBLEU's defaults.
const SIGNATURE: &str = "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0";

/// The edit rate of one answer, in hundredths: `sentence_score`.
pub fn sentence(pair: &mut TextPair<'_>) -> f64 {
    let (edits, words) = counts(pair);
    rate(edits, words)
}

/// The edits, and the words of the reference.
fn counts(pair: &mut TextPair<'_>) -> (usize, usize) {
    let (words, _) = pair.read(TextForm::LowerSpaced);
    (
        edits(words.prediction, words.reference),
        words.reference.len(),
    )
}

fn rate(edits: usize, words: usize) -> f64 {
    match (edits, words) {
        (0, 0) => 0.0,
        (_, 0) => 100.0,
        _ => 100.0 * (count(edits) / count(words)),
    }
}

impl Metric for Ter {
    fn name(&self) -> &'static str {
        "ter"
    }

    fn doc(&self) -> &'static str {
        "1 less the share of words to edit (TER); 0 where every word or more must change."
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        (1.0 - sentence(pair) / 100.0).max(0.0)
    }

    fn corpus(&self, pairs: &[(&str, &str)]) -> Vec<CorpusScore> {
        let mut scratch = Scratch::default();
        let (mut edits, mut words) = (0, 0);
        for (prediction, reference) in pairs {
            let counts = counts(&mut scratch.pair(prediction, reference));
            edits += counts.0;
            words += counts.1;
        }
        vec![CorpusScore {
            name: "TER",
            value: rate(edits, words),
            signature: SIGNATURE.to_owned(),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn rates_are_those_of_sacrebleu() {
        let golden = golden::read();
        let mut scratch = Scratch::default();
        for row in &golden.rows {
            let rate = sentence(&mut scratch.pair(&row.prediction, &row.reference));
            golden::close(rate, row.ter, 1e-9, &row.prediction);
        }
        golden::check(1e-9, &TER, |row| (1.0 - row.ter / 100.0).max(0.0));
        golden::check_corpus(&TER);
    }
}
