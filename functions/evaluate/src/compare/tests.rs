//! Whole evaluations: what is measured, what is counted, and that every number is finite.

use proptest::prelude::*;
use serde_json::Value;
use shared::evaluation::Verdict;

use super::*;
use crate::answer::AnswerOutcome;

mod rules;

fn said(text: &str) -> ModelAnswer {
    ModelAnswer {
        text: text.into(),
        outcome: AnswerOutcome::Answered,
        ..ModelAnswer::failed("", 100)
    }
}

/// The metric that the references suggest.
fn deciding<'a>(references: impl Iterator<Item = &'a str>) -> &'static dyn Metric {
    scores::task::guess(&references.collect::<Vec<_>>()).metric
}

#[test]
fn a_recipe_may_name_every_metric() {
    let names: Vec<&str> = scores::metrics::METRICS
        .iter()
        .map(|metric| metric.name())
        .collect();
    assert_eq!(names, shared::recipe::METRICS);
}

fn case((reference, base, tuned): &(String, ModelAnswer, ModelAnswer)) -> Case<'_> {
    Case {
        row: reference,
        reference,
        base,
        tuned,
        is_added: false,
    }
}

fn run(rows: &[(String, ModelAnswer, ModelAnswer)]) -> Evaluation {
    let cases: Vec<Case<'_>> = rows.iter().map(case).collect();
    let metric = deciding(rows.iter().map(|(reference, ..)| reference.as_str()));
    compare(metric, &cases, "digest", &VerdictRules::default())
}

fn rows(
    count: usize,
    row: impl Fn(usize) -> (String, ModelAnswer, ModelAnswer),
) -> Vec<(String, ModelAnswer, ModelAnswer)> {
    (0..count).map(row).collect()
}

fn sentence(n: usize) -> String {
    format!("the answer to question {n} is {}", n * n)
}

#[test]
fn a_model_that_learnt_the_answers_is_better() {
    let evaluation = run(&rows(40, |n| {
        (
            sentence(n),
            said("I am not sure about that"),
            said(&sentence(n)),
        )
    }));
    assert_eq!(evaluation.verdict, Verdict::Better, "{}", evaluation.reason);
    let primary = evaluation.primary().unwrap();
    assert_eq!((primary.name.as_str(), primary.rows), ("rougeL", 40));
    assert_eq!((primary.wins, primary.ties, primary.losses), (40, 0, 0));
    assert!(
        primary.tuned_mean > 0.999 && primary.low > 0.5,
        "{primary:?}"
    );
    assert!(evaluation.corpus_bleu.tuned > 99.0 && evaluation.corpus_bleu.base < 10.0);
    assert_eq!(evaluation.more_rows_needed, None);
    assert!(evaluation.stopped_after.unwrap() < 40);
}

#[test]
fn a_model_whose_replies_are_broken_is_ruled_out_and_its_rows_still_count() {
    let evaluation = run(&rows(40, |n| {
        (
            sentence(n),
            said(&sentence(n)),
            if n % 2 == 0 {
                said(&sentence(n))
            } else {
                ModelAnswer::failed("OTHER", 9)
            },
        )
    }));
    assert_eq!(
        evaluation.verdict,
        Verdict::RuledOut,
        "{}",
        evaluation.reason
    );
    assert_eq!(
        (
            evaluation.rows,
            evaluation.tuned.failed,
            evaluation.tuned.failures
        ),
        (40, 20, 20)
    );
    assert_eq!(evaluation.primary().unwrap().rows, 40);
    assert!((evaluation.primary().unwrap().tuned_mean - 0.5).abs() < 1e-9);
}

#[test]
fn the_same_answers_are_not_worse_only_on_enough_rows() {
    let same = |count| {
        run(&rows(count, |n| {
            (
                sentence(n),
                said("the answer is 4"),
                said("the answer is 4"),
            )
        }))
    };
    assert_eq!(same(200).verdict, Verdict::NotWorse);
    assert_eq!(same(200).primary().unwrap().ties, 200);
    assert_eq!(same(100).verdict, Verdict::CannotTell);
}

#[test]
fn few_rows_cannot_tell() {
    let evaluation = run(&rows(5, |n| (sentence(n), said("no"), said(&sentence(n)))));
    assert_eq!(evaluation.verdict, Verdict::CannotTell);
    assert!(
        evaluation.more_rows_needed.is_some(),
        "{}",
        evaluation.reason
    );
    assert_eq!(run(&[]).verdict, Verdict::CannotTell);
    assert_eq!(run(&[]).primary, None);
}

fn blocked() -> ModelAnswer {
    ModelAnswer {
        outcome: AnswerOutcome::Blocked {
            reason: "SAFETY".into(),
        },
        ..said("")
    }
}

#[test]
fn a_filter_that_silences_the_base_model_proves_nothing_for_the_tuned_one() {
    let evaluation = run(&rows(40, |n| (sentence(n), blocked(), said(&sentence(n)))));
    assert_eq!(evaluation.verdict, Verdict::CannotTell);
    assert_eq!((evaluation.base.blocked, evaluation.rows), (40, 40));
    assert!(
        evaluation.reason.contains("filter"),
        "{}",
        evaluation.reason
    );
}

#[test]
fn a_tuned_model_that_says_nothing_more_often_is_ruled_out() {
    let evaluation = run(&rows(120, |n| {
        let tuned = if n % 6 == 0 {
            blocked()
        } else {
            said(&sentence(n))
        };
        (sentence(n), said("I am not sure about that"), tuned)
    }));
    assert_eq!(
        evaluation.verdict,
        Verdict::RuledOut,
        "{}",
        evaluation.reason
    );
    assert!(evaluation.reason.contains("blocked"));
}

#[test]
fn labels_are_compared_exactly() {
    let evaluation = run(&rows(60, |n| {
        (
            ["spam", "ham"][n % 2].into(),
            said("spam"),
            said(["spam", "ham"][n % 2]),
        )
    }));
    assert_eq!(evaluation.primary.as_deref(), Some("exact"));
    assert_eq!(evaluation.verdict, Verdict::Better);
}

#[test]
fn json_is_measured_only_where_the_reference_is_json() {
    let evaluation = run(&rows(20, |n| {
        let reference = if n < 5 {
            format!("{{\"n\":{n}}}")
        } else {
            sentence(n)
        };
        (reference.clone(), said("{}"), said(&reference))
    }));
    let json = evaluation
        .metrics
        .iter()
        .find(|metric| metric.name == "json")
        .unwrap();
    assert_eq!((json.rows, json.wins), (5, 5));
    let prose = run(&rows(20, |n| (sentence(n), said("a"), said("b"))));
    assert!(prose.metrics.iter().all(|metric| metric.name != "json"));
}

#[test]
fn the_document_keeps_its_shape() {
    let document = serde_json::to_value(run(&rows(12, |n| {
        (sentence(n), said("a"), said(&sentence(n)))
    })))
    .unwrap();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        keys(&document),
        "base comparison corpus_bleu detail integrity margin metrics planned primary reason rows sample schema stopped_after tuned verdict"
    );
    assert_eq!(
        keys(&document["metrics"][0]),
        "base_mean difference high losses low name rows ties tuned_mean wins"
    );
    assert_eq!(
        keys(&document["base"]),
        "answered blocked empty failed failures input_tokens latency_p50_ms latency_p95_ms mean_chars output_tokens thought_tokens truncated"
    );
    assert_eq!(
        (&document["verdict"], &document["schema"]),
        (&Value::from("better"), &Value::from(1))
    );
}

fn any_answer() -> impl Strategy<Value = ModelAnswer> {
    let text = prop_oneof![
        "",
        "[a-c ]{0,12}",
        "\\PC{0,12}",
        Just(r#"{"a":1}"#.to_owned())
    ];
    let outcome = prop_oneof![
        Just(AnswerOutcome::Answered),
        Just(AnswerOutcome::Truncated),
        Just(AnswerOutcome::Empty),
        Just(AnswerOutcome::Blocked {
            reason: "SAFETY".into()
        }),
        Just(AnswerOutcome::Failed {
            code: "OTHER".into()
        }),
    ];
    (text, outcome, any::<u64>(), any::<u64>()).prop_map(|(text, outcome, latency_ms, tokens)| {
        ModelAnswer {
            text,
            outcome,
            latency_ms,
            input_tokens: tokens,
            output_tokens: tokens,
            thought_tokens: 0,
            model_version: None,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_finite(
        rows in proptest::collection::vec((prop_oneof!["[a-c ]{0,12}", "\\PC{0,12}", Just("{}".to_owned())], any_answer(), any_answer()), 0..30),
    ) {
        let evaluation = run(&rows);
        for metric in &evaluation.metrics {
            prop_assert_eq!(metric.wins + metric.ties + metric.losses, metric.rows);
            for number in [metric.base_mean, metric.tuned_mean, metric.difference, metric.low, metric.high] {
                prop_assert!(number.is_finite());
            }
            prop_assert!(metric.low <= metric.difference + 1e-9 && metric.difference <= metric.high + 1e-9);
        }
        prop_assert!(evaluation.corpus_bleu.base.is_finite() && evaluation.corpus_bleu.tuned.is_finite());
        let stored = serde_json::to_string(&evaluation).unwrap();
        prop_assert!(!stored.contains("null"));
        // Not compared bit for bit: `serde_json` may read a float wrong in its last bit.
        let read: Evaluation = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!((read.verdict, read.base, read.tuned), (evaluation.verdict, evaluation.base, evaluation.tuned));
    }
}
