//! A metric: a pure function of a prediction and its reference.

use crate::text::{
    form::{Forms, SymbolPair, TextForm},
    ngrams::{NgramTable, WordTally},
    sequence::LcsBuffers,
};

/// One way to compare an answer with its reference.
pub trait Metric: Sync {
    /// The name under which scores are stored and shown. Never changes once released.
    fn name(&self) -> &'static str;

    /// One sentence for readers of the scores.
    fn doc(&self) -> &'static str;

    /// Whether an answer is right or wrong, or good to a degree.
    fn scale(&self) -> ScoreScale {
        ScoreScale::Graded
    }

    /// Whether a row with this reference can be measured. Rows that cannot are left out for all models
    /// alike.
    fn applies(&self, _reference: &str) -> bool {
        true
    }

    /// From 0 (nothing in common) to 1 (as good as the reference). Always finite.
    fn score(&self, pair: &mut TextPair<'_>) -> f64;

    /// Numbers over all rows that are not means of scores; empty where there are none.
    fn corpus(&self, _pairs: &[(&str, &str)]) -> Vec<CorpusScore> {
        Vec::new()
    }
}

/// What scores of a metric can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreScale {
    /// 0 or 1: fewer rows decide.
    Binary,
    /// Anything between.
    Graded,
}

/// A number over all rows.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CorpusScore {
    /// What it is, such as `BLEU`.
    pub name: &'static str,
    /// On the scale of the reference implementation: 0 to 100 for BLEU, chrF and TER, which may exceed
    /// it; 0 to 1 for F1.
    pub value: f64,
    /// How it was computed, as sacreBLEU reports it; empty where there is only one way.
    pub signature: String,
}

/// Buffers that pairs share. Scoring is many times slower with new ones for each pair.
#[derive(Debug, Default)]
pub struct Scratch {
    forms: Forms,
    kernels: Kernels,
}

/// The buffers of the counting loops.
#[derive(Debug, Default)]
pub(crate) struct Kernels {
    pub(crate) lcs: LcsBuffers,
    pub(crate) ngrams: NgramTable,
    pub(crate) tally: WordTally,
}

/// A prediction and its reference. What several metrics need of them is read once.
#[derive(Debug)]
pub struct TextPair<'a> {
    pub(crate) prediction: &'a str,
    pub(crate) reference: &'a str,
    scratch: &'a mut Scratch,
}

impl Scratch {
    /// The next pair.
    pub fn pair<'a>(&'a mut self, prediction: &'a str, reference: &'a str) -> TextPair<'a> {
        self.forms.start();
        TextPair {
            prediction,
            reference,
            scratch: self,
        }
    }
}

impl TextPair<'_> {
    /// Both texts as symbols, with the buffers to compare them.
    pub(crate) fn read(&mut self, form: TextForm) -> (SymbolPair<'_>, &mut Kernels) {
        let Scratch { forms, kernels } = &mut *self.scratch;
        (forms.read(form, self.prediction, self.reference), kernels)
    }
}

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn count(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

/// 1 for a right answer, 0 for a wrong one.
pub(crate) fn right(is_right: bool) -> f64 {
    f64::from(u8::from(is_right))
}

/// 2·p·r / (p + r), in the order in which the reference implementations compute it.
pub(crate) fn f_measure(precision: f64, recall: f64) -> f64 {
    let sum = precision + recall;
    if sum > 0.0 {
        2.0 * precision * recall / sum
    } else {
        0.0
    }
}
