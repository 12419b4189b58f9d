//! How close an answer comes to its reference: a registry of small measures, each a file with its own tests.
//!
//! A metric is a pure function of two texts. What a failed call scores is not its business (see [`crate::answer`]).

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

/// Texts are scored up to this many bytes: about 16,000 tokens, far more than tuned models are asked for. What is longer is
/// compared by its beginning. `similarity` takes time with the product of both lengths, and a tenth of a second at this one.
pub const SCORED_BYTES_MAX: usize = 64 * 1024;

/// Every metric there is, in the order they are shown.
pub const METRICS: &[&dyn Metric] = &[
    &rouge1::Rouge1,
    &rouge_l::RougeL,
    &bleu::Bleu,
    &exact::Exact,
    &similarity::Similarity,
    &json::Json,
];

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static dyn Metric> {
    METRICS.iter().copied().find(|metric| metric.name() == name)
}

/// The text as far as it is scored: cut at [`SCORED_BYTES_MAX`], on a character.
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
    fn a_long_text_is_cut_on_a_character() {
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
