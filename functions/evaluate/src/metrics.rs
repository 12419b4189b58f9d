//! How close an answer is to its reference: the list of all metrics, each in a file with its own tests.
//!
//! To add one: write its file, and add it to [`METRICS`]. A metric never sees a failed call, which scores 0 (see [`crate::answer`]).

pub mod bleu;
pub mod exact;
pub mod json;
mod rouge;
pub mod rouge1;
pub mod rouge_l;
pub mod similarity;

#[cfg(test)]
mod golden;

use crate::metric::Metric;

/// Texts are scored up to this many bytes: about 16,000 tokens, far more than tuned models are asked for. A longer text is
/// compared by its beginning. The time of `similarity` grows with the product of both lengths; at this length it is 0.1 s.
pub const SCORED_BYTES_MAX: usize = 64 * 1024;

/// Every metric, in the order in which they are shown.
pub const METRICS: &[&dyn Metric] = &[
    &rouge1::Rouge1,
    &rouge_l::RougeL,
    &bleu::Bleu,
    &exact::Exact,
    &similarity::Similarity,
    &json::Json,
];

/// The metric with that name.
pub fn find(name: &str) -> Option<&'static dyn Metric> {
    METRICS.iter().copied().find(|metric| metric.name() == name)
}

/// The part of the text that is scored: up to [`SCORED_BYTES_MAX`], cut between characters.
pub fn scored(text: &str) -> &str {
    text.get(..text.floor_char_boundary(SCORED_BYTES_MAX))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for metric in METRICS {
            assert_eq!(find(metric.name()).map(Metric::name), Some(metric.name()));
            assert!(metric.doc().ends_with('.'), "{}", metric.name());
        }
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        assert!(find("rouge7").is_none());
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "é".repeat(SCORED_BYTES_MAX);
        assert_eq!(scored(&long).len(), SCORED_BYTES_MAX);
        assert_eq!(scored("short"), "short");
        let odd = format!("x{}", "é".repeat(SCORED_BYTES_MAX));
        assert_eq!(scored(&odd).len(), SCORED_BYTES_MAX - 1);
    }

    proptest! {
        #[test]
        fn every_score_lies_between_0_and_1(prediction in "\\PC{0,60}|[a-c .,\n-]{0,40}", reference in "\\PC{0,60}|[a-c .,\n-]{0,40}") {
            for metric in METRICS {
                let score = metric.score(&prediction, &reference);
                prop_assert!((0.0..=1.0).contains(&score), "{} gives {score}", metric.name());
            }
        }

        #[test]
        fn a_perfect_answer_is_never_beaten(reference in "[a-z]{1,8}( [a-z]{1,8}){3,20}", other in "\\PC{0,60}") {
            for metric in METRICS.iter().filter(|metric| metric.applies(&reference)) {
                let perfect = metric.score(&reference, &reference);
                prop_assert!(perfect > 1.0 - 1e-12, "{}: {perfect}", metric.name());
                prop_assert!(metric.score(&other, &reference) <= perfect + 1e-12, "{}", metric.name());
            }
        }
    }
}
