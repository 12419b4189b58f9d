//! `rougeL`: F-measure of the longest common subsequence of words.
//!
//! Source: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004; `rouge_score` 0.1.2. See
//! `rouge_n.rs` for the forms of words.

use crate::{
    metric::{Metric, TextPair, count, f_measure},
    text::form::TextForm,
};

/// See the module.
#[derive(Debug)]
pub struct RougeL {
    name: &'static str,
    doc: &'static str,
    form: TextForm,
}

/// With `use_stemmer=True`.
pub const ROUGE_L: RougeL = RougeL {
    name: "rougeL",
    doc: "Longest common subsequence of words after stemming.",
    form: TextForm::Stems,
};
/// With `use_stemmer=False`.
pub const ROUGE_L_UNSTEMMED: RougeL = RougeL {
    name: "rougeL_unstemmed",
    doc: "Longest common subsequence of words as they are.",
    form: TextForm::Words,
};
/// Over the words of any script.
pub const ROUGE_L_UNICODE: RougeL = RougeL {
    name: "rougeL_unicode",
    doc: "Longest common subsequence of words of any script.",
    form: TextForm::AnyScript,
};

impl Metric for RougeL {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let (words, kernels) = pair.read(self.form);
        let lcs = &mut kernels.lcs;
        let length = lcs.length(words.prediction, words.reference, words.symbols);
        let precision = count(length) / count(words.prediction.len().max(1));
        let recall = count(length) / count(words.reference.len().max(1));
        f_measure(precision, recall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rouge_score_bit_for_bit() {
        golden::check(0.0, &ROUGE_L, |row| row.rouge_l);
        golden::check(0.0, &ROUGE_L_UNSTEMMED, |row| row.rouge_l_unstemmed);
    }

    #[test]
    fn other_scripts_are_read() {
        golden::check_one(&ROUGE_L_UNICODE, "кот и пёс", "пёс и кот", 1.0 / 3.0);
        golden::check_one(&ROUGE_L_UNICODE, "日本は", "日本", 0.8);
    }
}
