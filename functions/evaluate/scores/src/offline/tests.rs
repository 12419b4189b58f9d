//! Verdicts on whole files.

use super::*;
use crate::{
    metrics::{exact::EXACT, rouge_l::ROUGE_L},
    task,
};

fn rows(
    base: impl Fn(usize) -> Option<&'static str>,
    tuned: impl Fn(usize) -> Option<&'static str>,
) -> Vec<OfflineRow<'static>> {
    let row = |n| OfflineRow {
        reference: "yes",
        base: base(n),
        tuned: tuned(n),
    };
    (0..100).map(row).collect()
}

fn verdict(rows: &[OfflineRow<'_>]) -> OfflineVerdict {
    let comparison = compare(&[&EXACT], rows, 0.05).unwrap();
    let (low, high) = (comparison.low, comparison.high);
    assert!(
        low <= comparison.difference && comparison.difference <= high,
        "{comparison:?}"
    );
    assert_eq!(
        low > 0.0,
        comparison.verdict == OfflineVerdict::Better,
        "{comparison:?}"
    );
    comparison.verdict
}

#[test]
fn all_rows_decide_at_once() {
    let right_until = |limit| move |n| Some(if n < limit { "yes" } else { "no" });
    assert_eq!(
        verdict(&rows(right_until(60), right_until(70))),
        OfflineVerdict::Better
    );
    assert_eq!(
        verdict(&rows(right_until(70), right_until(60))),
        OfflineVerdict::Worse
    );
    assert_eq!(
        verdict(&rows(right_until(60), right_until(65))),
        OfflineVerdict::NotWorse
    );
    assert_eq!(
        verdict(&rows(right_until(65), right_until(60))),
        OfflineVerdict::CannotTell
    );
    assert_eq!(
        verdict(&rows(right_until(60), right_until(60))),
        OfflineVerdict::NotWorse
    );
}

#[test]
fn a_missing_prediction_is_not_a_wrong_one() {
    let except = |missing: usize| move |n| (n >= missing).then_some("yes");
    let wrong = |_| Some("no");
    assert_eq!(verdict(&rows(wrong, except(2))), OfflineVerdict::Better);
    let three = compare(&[&EXACT], &rows(wrong, except(3)), 0.05).unwrap();
    assert_eq!(three.verdict, OfflineVerdict::Undecided);
    assert_eq!((three.rows, three.asked), (100, 97));
    assert!((three.tuned - 1.0).abs() < 1e-12);
    assert_eq!(compare(&[&EXACT], &rows(wrong, |_| None), 0.05), None);
}

/// A model of the published solutions.
const MODELS: [&str; 4] = [
    "6b_finetuning",
    "6b_verification",
    "175b_finetuning",
    "175b_verification",
];

/// The answers of four models to GSM8K, whose truth is known, where `LAPIDARY_DATASETS` names a directory that
/// has them. Source: Cobbe et al., 2021, with the file that they published.
#[test]
fn published_models_rank_by_their_known_truth() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test without settings of its own"
    )]
    let Ok(folder) = std::env::var("LAPIDARY_DATASETS") else {
        println!("skipped: LAPIDARY_DATASETS is not set");
        return;
    };
    let text = std::fs::read_to_string(format!("{folder}/gsm8k_model_solutions.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let references: Vec<&str> = lines
        .iter()
        .map(|line| line["ground_truth"].as_str().unwrap())
        .collect();
    let choice = task::choose(None, None, &references).unwrap();
    assert_eq!(choice.metric.name(), "number", "{}", choice.reason);
    let right = |model: &str| {
        let right = |line: &&serde_json::Value| line[model]["is_correct"] == true;
        lines.iter().filter(right).count()
    };
    let compare = |metric: &'static dyn Metric, base: &str, tuned: &str| {
        let rows: Vec<OfflineRow<'_>> = lines
            .iter()
            .zip(&references)
            .map(|(line, reference)| OfflineRow {
                reference,
                base: line[base]["solution"].as_str(),
                tuned: line[tuned]["solution"].as_str(),
            })
            .collect();
        compare(&[metric], &rows, 0.02).unwrap()
    };
    for (at, base) in MODELS.iter().enumerate() {
        for tuned in &MODELS[at + 1..] {
            let found = compare(choice.metric, base, tuned);
            let expected = if right(tuned) > right(base) {
                OfflineVerdict::Better
            } else {
                OfflineVerdict::Worse
            };
            assert_eq!(
                found.verdict, expected,
                "{base} and {tuned}: {}",
                found.reason
            );
            assert!((found.tuned - count(right(tuned)) / 1319.0).abs() < 1e-12);
            println!("{base} and {tuned}: {}", found.reason);
        }
    }
    // Words that both models share say the opposite of the truth about two of them.
    let by_words = compare(&ROUGE_L, "6b_verification", "175b_finetuning");
    assert!(by_words.difference > 0.0 && right("175b_finetuning") < right("6b_verification"));
}
