//! `rougeLsum`: ROUGE-L over the lines of a summary, each line of the reference against all lines of the
//! answer.
//!
//! Source: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, section 3.2;
//! `rouge_score` 0.1.2, `_summary_level_lcs`, which counts no word twice.

use crate::{
    metric::{Metric, TextPair, count, f_measure},
    text::{
        form::{Forms, TextForm},
        sequence::LcsBuffers,
    },
};

/// See the module.
#[derive(Debug)]
pub struct RougeLsum {
    name: &'static str,
    doc: &'static str,
    form: TextForm,
}

/// With `use_stemmer=True`.
pub const ROUGE_LSUM: RougeLsum = RougeLsum {
    name: "rougeLsum",
    doc: "Longest common subsequences of the lines of a summary, after stemming.",
    form: TextForm::Stems,
};
/// With `use_stemmer=False`.
pub const ROUGE_LSUM_UNSTEMMED: RougeLsum = RougeLsum {
    name: "rougeLsum_unstemmed",
    doc: "Longest common subsequences of the lines of a summary, words as they are.",
    form: TextForm::Words,
};

/// The words of each line, all below `symbols`.
struct Lines {
    prediction: Vec<Vec<u32>>,
    reference: Vec<Vec<u32>>,
    symbols: usize,
}

impl Metric for RougeLsum {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn score(&self, pair: &mut TextPair<'_>) -> f64 {
        let lines = self.lines(pair.prediction, pair.reference);
        let words = |lines: &[Vec<u32>]| lines.iter().map(Vec::len).sum::<usize>();
        let (prediction, reference) = (words(&lines.prediction), words(&lines.reference));
        if prediction == 0 || reference == 0 {
            return 0.0;
        }
        let (_, kernels) = pair.read(self.form);
        let hits = count(hits(&lines, &mut kernels.lcs));
        f_measure(hits / count(prediction), hits / count(reference))
    }
}

impl RougeLsum {
    fn lines(&self, prediction: &str, reference: &str) -> Lines {
        // The lines share one vocabulary: each is read as the prediction of a pair.
        let mut forms = Forms::default();
        let mut symbols = 0;
        let mut read = |text: &str| -> Vec<Vec<u32>> {
            let lines = text.split('\n').map(|line| {
                forms.start();
                let read = forms.read(self.form, line, "");
                symbols = symbols.max(read.symbols);
                read.prediction.to_vec()
            });
            lines.filter(|words| !words.is_empty()).collect()
        };
        let (prediction, reference) = (read(prediction), read(reference));
        Lines {
            prediction,
            reference,
            symbols,
        }
    }
}

/// The words of the reference that some line of the answer has in order.
fn hits(lines: &Lines, lcs: &mut LcsBuffers) -> usize {
    let counts = |lines: &[Vec<u32>]| {
        let mut counts = vec![0_u32; symbols_of(lines)];
        for word in lines.iter().flatten() {
            if let Some(count) = counts.get_mut(*word as usize) {
                *count += 1;
            }
        }
        counts
    };
    let mut left = (counts(&lines.prediction), counts(&lines.reference));
    let mut hits = 0;
    let mut marked = Vec::new();
    for line in &lines.reference {
        marked.clear();
        marked.resize(line.len(), false);
        for answer in &lines.prediction {
            lcs.mark(line, answer, lines.symbols, &mut marked);
        }
        let marked = line
            .iter()
            .zip(&marked)
            .filter(|(_, is_marked)| **is_marked);
        for (word, _) in marked {
            let places = (
                left.0.get_mut(*word as usize),
                left.1.get_mut(*word as usize),
            );
            if let (Some(prediction @ 1..), Some(reference @ 1..)) = places {
                *prediction -= 1;
                *reference -= 1;
                hits += 1;
            }
        }
    }
    hits
}

fn symbols_of(lines: &[Vec<u32>]) -> usize {
    let largest = lines.iter().flatten().max();
    largest.map_or(0, |symbol| *symbol as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    #[test]
    fn scores_are_those_of_rouge_score_bit_for_bit() {
        golden::check(0.0, &ROUGE_LSUM, |row| row.rouge_lsum);
        golden::check(0.0, &ROUGE_LSUM_UNSTEMMED, |row| row.rouge_lsum_unstemmed);
    }
}
