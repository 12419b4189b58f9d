//! How close an answer is to its reference: the list of all metrics, each with its source and its tests.
//!
//! The README lists what a new one needs. A metric never sees
//! an answer that failed, which scores 0 whatever the metric.

pub mod bleu;
pub mod call;
pub mod chrf;
pub mod code;
pub mod exact;
pub mod jaro_winkler;
pub mod json;
pub mod levenshtein;
pub mod number;
pub mod rouge_l;
pub mod rouge_lsum;
pub mod rouge_n;
pub mod similarity;
pub mod squad;
pub mod ter;

use crate::metric::Metric;

/// Texts are scored up to this many bytes: about 16,000 tokens, far more than tuned models are asked for.
/// A longer text is compared by its beginning. The time of `similarity` grows with the product of both
/// lengths; at this length it is 0.1 s.
pub const SCORED_BYTES_MAX: usize = 64 * 1024;

/// Every metric, in the order in which they are shown.
pub const METRICS: &[&dyn Metric] = &[
    &rouge_n::ROUGE_1,
    &rouge_n::ROUGE_2,
    &rouge_l::ROUGE_L,
    &rouge_lsum::ROUGE_LSUM,
    &rouge_n::ROUGE_1_UNSTEMMED,
    &rouge_n::ROUGE_2_UNSTEMMED,
    &rouge_l::ROUGE_L_UNSTEMMED,
    &rouge_lsum::ROUGE_LSUM_UNSTEMMED,
    &rouge_n::ROUGE_1_UNICODE,
    &rouge_n::ROUGE_2_UNICODE,
    &rouge_l::ROUGE_L_UNICODE,
    &bleu::BLEU,
    &bleu::BLEU_INTL,
    &bleu::BLEU_CHAR,
    &bleu::BLEU_NONE,
    &chrf::CHRF,
    &chrf::CHRF_PLUS_PLUS,
    &ter::TER,
    &exact::EXACT,
    &squad::SQUAD_EXACT,
    &squad::TOKEN_F1,
    &number::NUMBER,
    &similarity::SIMILARITY,
    &levenshtein::LEVENSHTEIN,
    &jaro_winkler::JARO_WINKLER,
    &code::CODE,
    &json::JSON,
    &json::JSON_UNORDERED,
    &json::JSON_KEYS,
    &json::JSON_VALID,
    &json::JSON_BARE,
    &call::CALL,
    &call::CALL_NAME,
    &call::CALL_ARGUMENTS,
];

/// The metrics that an evaluation shows beside the one that decides: one for each kind of task, none slow on
/// long answers.
pub const SHOWN: &[&dyn Metric] = &[
    &rouge_n::ROUGE_1,
    &rouge_l::ROUGE_L,
    &bleu::BLEU,
    &chrf::CHRF,
    &exact::EXACT,
    &squad::TOKEN_F1,
    &number::NUMBER,
    &similarity::SIMILARITY,
    &json::JSON,
    &json::JSON_VALID,
    &call::CALL,
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
    use crate::metric::Scratch;

    #[test]
    fn names_are_unique_and_found() {
        let readme = include_str!("../README.md");
        for metric in METRICS {
            assert_eq!(find(metric.name()).map(Metric::name), Some(metric.name()));
            assert!(metric.doc().ends_with('.'), "{}", metric.name());
            assert!(
                readme.contains(&format!("`{}`", metric.name())),
                "{}",
                metric.name()
            );
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
        fn every_score_lies_between_0_and_1(
            prediction in "\\PC{0,60}|[a-c .,\n-]{0,40}",
            reference in "\\PC{0,60}|[a-c .,\n-]{0,40}",
        ) {
            let mut scratch = Scratch::default();
            let mut pair = scratch.pair(&prediction, &reference);
            for metric in METRICS {
                let score = metric.score(&mut pair);
                prop_assert!((0.0..=1.0).contains(&score), "{} gives {score}", metric.name());
            }
        }

        #[test]
        fn a_perfect_answer_is_never_beaten(
            reference in "[a-z]{1,8}( [a-z]{1,8}){3,20}",
            other in "\\PC{0,60}",
        ) {
            let mut scratch = Scratch::default();
            for metric in METRICS.iter().filter(|metric| metric.applies(&reference)) {
                let perfect = metric.score(&mut scratch.pair(&reference, &reference));
                prop_assert!(perfect > 1.0 - 1e-12, "{}: {perfect}", metric.name());
                let score = metric.score(&mut scratch.pair(&other, &reference));
                prop_assert!(score <= perfect + 1e-12, "{}", metric.name());
            }
        }

        /// A pair scores the same whatever was scored before it.
        #[test]
        fn pairs_do_not_influence_each_other(
            texts in proptest::collection::vec(("[a-d .,]{0,30}", "[a-d .,]{0,30}"), 1..6),
        ) {
            let mut shared = Scratch::default();
            for (prediction, reference) in &texts {
                for metric in METRICS {
                    let one = metric.score(&mut shared.pair(prediction, reference));
                    let other = metric.score(&mut Scratch::default().pair(prediction, reference));
                    prop_assert!((one - other).abs() < f64::EPSILON, "{}", metric.name());
                }
            }
        }
    }
}
