//! `bleu`, `bleu_intl`, `bleu_char`, `bleu_none`: how many n-grams of one to four words the answer shares
//! with its reference, by sacreBLEU's four ways to split words.
//!
//! Source: Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002; Chen
//! and Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU", 2014; Post, "A
//! call for clarity in reporting BLEU scores", 2018; `sacrebleu` 2.6.0.

mod formula;

pub use self::formula::Smoothing;
use self::formula::bleu;
use crate::{
    metric::{CorpusScore, Metric, Scratch, TextPair},
    text::{form::TextForm, ngrams::OverlapCounts},
};

/// Words of the longest n-grams, as in the paper.
const ORDERS: usize = 4;

/// See the module. A row's score is the sentence score over 100.
#[derive(Debug)]
pub struct Bleu {
    name: &'static str,
    doc: &'static str,
    tokens: BleuTokens,
}

/// With the tokens `13a`.
pub const BLEU: Bleu = Bleu {
    name: "bleu",
    doc: "Shared n-grams of one to four words, with a penalty for brevity.",
    tokens: BleuTokens::ThirteenA,
};
/// With the tokens `intl`.
pub const BLEU_INTL: Bleu = Bleu {
    name: "bleu_intl",
    doc: "BLEU with the punctuation of every script apart.",
    tokens: BleuTokens::International,
};
/// With the tokens `char`.
pub const BLEU_CHAR: Bleu = Bleu {
    name: "bleu_char",
    doc: "BLEU over characters, for scripts without spaces.",
    tokens: BleuTokens::Characters,
};
/// With the tokens `none`.
pub const BLEU_NONE: Bleu = Bleu {
    name: "bleu_none",
    doc: "BLEU over texts whose tokens are already apart.",
    tokens: BleuTokens::Spaces,
};

/// How words are split: the names are sacreBLEU's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BleuTokens {
    /// `13a`: Western punctuation apart.
    ThirteenA,
    /// `intl`: the punctuation of every script apart.
    International,
    /// `char`: every character.
    Characters,
    /// `none`: at white space.
    Spaces,
}

/// The settings of BLEU, as sacreBLEU has them. The default is its default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BleuSettings {
    /// How words are split.
    pub tokens: BleuTokens,
    /// What an order without any shared n-gram counts as.
    pub smoothing: Smoothing,
    /// Whether orders that the answer is too short for are left out: for single sentences.
    pub effective_order: bool,
    /// Whether case is ignored.
    pub lowercase: bool,
}

impl Default for BleuSettings {
    fn default() -> Self {
        Self {
            tokens: BleuTokens::ThirteenA,
            smoothing: Smoothing::Exponential,
            effective_order: false,
            lowercase: false,
        }
    }
}

/// What BLEU is computed from; sums over rows.
#[derive(Debug, Clone, Copy, Default)]
struct BleuCounts {
    ngrams: OverlapCounts,
    prediction_words: u64,
    reference_words: u64,
}

impl BleuSettings {
    /// The score of one answer, 0 to 100: `sentence_score`.
    pub fn sentence(&self, scratch: &mut Scratch, prediction: &str, reference: &str) -> f64 {
        bleu(self, &self.counts(scratch, prediction, reference))
    }

    /// The score of a whole set, 0 to 100: `corpus_score`. Not the mean over the sentences: long
    /// answers weigh more.
    pub fn corpus(&self, pairs: &[(&str, &str)]) -> f64 {
        let mut scratch = Scratch::default();
        let mut sums = BleuCounts::default();
        for (prediction, reference) in pairs {
            sums.add(&self.counts(&mut scratch, prediction, reference));
        }
        bleu(self, &sums)
    }

    /// The settings in sacreBLEU's words, for papers to compare by.
    pub fn signature(&self) -> String {
        format!(
            "nrefs:1|case:{}|eff:{}|tok:{}|smooth:{}|version:2.6.0",
            if self.lowercase { "lc" } else { "mixed" },
            if self.effective_order { "yes" } else { "no" },
            self.tokens.name(),
            self.smoothing.signature(),
        )
    }

    fn counts(&self, scratch: &mut Scratch, prediction: &str, reference: &str) -> BleuCounts {
        if self.lowercase {
            let (prediction, reference) = (prediction.to_lowercase(), reference.to_lowercase());
            self.tokens
                .counts(&mut scratch.pair(&prediction, &reference))
        } else {
            self.tokens.counts(&mut scratch.pair(prediction, reference))
        }
    }
}

impl BleuCounts {
    fn add(&mut self, other: &Self) {
        self.ngrams.add(&other.ngrams);
        self.prediction_words += other.prediction_words;
        self.reference_words += other.reference_words;
    }
}

impl BleuTokens {
    /// The name in signatures.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThirteenA => "13a",
            Self::International => "intl",
            Self::Characters => "char",
            Self::Spaces => "none",
        }
    }

    fn form(self) -> TextForm {
        match self {
            Self::ThirteenA => TextForm::ThirteenA,
            Self::International => TextForm::International,
            Self::Characters => TextForm::Characters,
            Self::Spaces => TextForm::Spaced,
        }
    }

    fn counts(self, pair: &mut TextPair<'_>) -> BleuCounts {
        let (words, kernels) = pair.read(self.form());
        let ngrams = &mut kernels.ngrams;
        BleuCounts {
            ngrams: ngrams.overlap(words.prediction, words.reference, ORDERS),
            prediction_words: words.prediction.len() as u64,
            reference_words: words.reference.len() as u64,
        }
    }
}

impl Bleu {
    fn settings(&self, effective_order: bool) -> BleuSettings {
        BleuSettings {
            tokens: self.tokens,
            effective_order,
            ..BleuSettings::default()
        }
    }
}

impl Metric for Bleu {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let score = bleu(&self.settings(true), &self.tokens.counts(pair));
        // A perfect answer scores 100.00000000000004, in sacreBLEU as well as here.
        (score / 100.0).min(1.0)
    }

    fn corpus(&self, pairs: &[(&str, &str)]) -> Vec<CorpusScore> {
        let settings = self.settings(false);
        vec![CorpusScore {
            name: "BLEU",
            value: settings.corpus(pairs),
            signature: settings.signature(),
        }]
    }
}

#[cfg(test)]
mod tests;
