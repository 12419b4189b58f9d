//! `rouge1`, `rouge2`: F-measure of the words, or pairs of words, that both texts have.
//!
//! Source: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004; `rouge_score` 0.1.2.
//! `rouge_score` reads `[a-z0-9]+` only and scores any other script 0; the Unicode metrics, which are
//! ours, read words of every script, and characters where words are not spaced.

use crate::{
    metric::{Metric, TextPair, count, f_measure},
    text::form::TextForm,
};

/// See the module.
#[derive(Debug)]
pub struct RougeN {
    name: &'static str,
    doc: &'static str,
    form: TextForm,
    order: usize,
}

/// `rouge1` with `use_stemmer=True`.
pub const ROUGE_1: RougeN = RougeN {
    name: "rouge1",
    doc: "Overlap of single words after stemming.",
    form: TextForm::Stems,
    order: 1,
};
/// `rouge2` with `use_stemmer=True`.
pub const ROUGE_2: RougeN = RougeN {
    name: "rouge2",
    doc: "Overlap of pairs of words after stemming.",
    form: TextForm::Stems,
    order: 2,
};
/// `rouge1` with `use_stemmer=False`.
pub const ROUGE_1_UNSTEMMED: RougeN = RougeN {
    name: "rouge1_unstemmed",
    doc: "Overlap of single words as they are.",
    form: TextForm::Words,
    order: 1,
};
/// `rouge2` with `use_stemmer=False`.
pub const ROUGE_2_UNSTEMMED: RougeN = RougeN {
    name: "rouge2_unstemmed",
    doc: "Overlap of pairs of words as they are.",
    form: TextForm::Words,
    order: 2,
};
/// `rouge1` over the words of any script.
pub const ROUGE_1_UNICODE: RougeN = RougeN {
    name: "rouge1_unicode",
    doc: "Overlap of single words of any script.",
    form: TextForm::AnyScript,
    order: 1,
};
/// `rouge2` over the words of any script.
pub const ROUGE_2_UNICODE: RougeN = RougeN {
    name: "rouge2_unicode",
    doc: "Overlap of pairs of words of any script.",
    form: TextForm::AnyScript,
    order: 2,
};

impl Metric for RougeN {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let (words, kernels) = pair.read(self.form);
        let shared = if self.order == 1 {
            let tally = &mut kernels.tally;
            tally.shared(words.prediction, words.reference, words.symbols)
        } else {
            let ngrams = &mut kernels.ngrams;
            let counts = ngrams.overlap(words.prediction, words.reference, self.order);
            counts.shared.get(self.order - 1).copied().unwrap_or(0)
        };
        let total = |words: &[u32]| count((words.len() + 1).saturating_sub(self.order).max(1));
        let precision = count(shared) / total(words.prediction);
        let recall = count(shared) / total(words.reference);
        f_measure(precision, recall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rouge_score_bit_for_bit() {
        golden::check(0.0, &ROUGE_1, |row| row.rouge1);
        golden::check(0.0, &ROUGE_2, |row| row.rouge2);
        golden::check(0.0, &ROUGE_1_UNSTEMMED, |row| row.rouge1_unstemmed);
        golden::check(0.0, &ROUGE_2_UNSTEMMED, |row| row.rouge2_unstemmed);
    }

    #[test]
    fn other_scripts_are_read() {
        golden::check_one(&ROUGE_1_UNICODE, "东京 是 首都", "东京是首都", 1.0);
        golden::check_one(&ROUGE_1_UNICODE, "кот и пёс", "пёс и кот", 1.0);
        golden::check_one(&ROUGE_2_UNICODE, "кот и пёс", "пёс и кот", 0.0);
        golden::check_one(&ROUGE_1, "кот и пёс", "пёс и кот", 0.0);
    }
}
