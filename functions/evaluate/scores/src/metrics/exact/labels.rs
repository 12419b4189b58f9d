//! Accuracy, micro- and macro-F1 of labels.
//!
//! Source: van Rijsbergen, "Information retrieval", 1979; `sklearn.metrics.f1_score`. Macro-F1 is the
//! mean over all labels that are expected or answered, so an answer that is not a label counts as one
//! with F1 0.

use std::collections::BTreeMap;

use crate::metric::{CorpusScore, count};

/// Answers of one label.
#[derive(Debug, Default)]
struct LabelCount {
    right: u64,
    predicted: u64,
    expected: u64,
}

/// The counts of all labels.
#[derive(Debug, Default)]
pub(super) struct LabelTally {
    labels: BTreeMap<String, LabelCount>,
}

impl LabelTally {
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let mut counts = Self::default();
        for (prediction, reference) in pairs {
            let (prediction, reference) = (folded(prediction), folded(reference));
            let is_right = prediction == reference;
            counts.labels.entry(prediction).or_default().predicted += 1;
            let expected = counts.labels.entry(reference).or_default();
            expected.expected += 1;
            expected.right += u64::from(is_right);
        }
        counts
    }

    pub(super) fn scores(&self) -> Vec<CorpusScore> {
        let sum = |of: fn(&LabelCount) -> u64| self.labels.values().map(of).sum::<u64>();
        let (right, predicted, expected) = (
            sum(|it| it.right),
            sum(|it| it.predicted),
            sum(|it| it.expected),
        );
        let each = self.labels.values();
        let each = each.map(|label| f1(label.right, label.predicted, label.expected));
        let macro_f1 = each.sum::<f64>() / count(self.labels.len().max(1));
        let score = |name, value| CorpusScore {
            name,
            value,
            signature: String::new(),
        };
        vec![
            score("accuracy", count(right) / count(expected.max(1))),
            score("micro-F1", f1(right, predicted, expected)),
            score("macro-F1", macro_f1),
        ]
    }
}

/// 0 for a label that is never right.
fn f1(right: u64, predicted: u64, expected: u64) -> f64 {
    2.0 * count(right) / count((predicted + expected).max(1))
}

/// White space does not tell labels apart.
fn folded(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ")
}
