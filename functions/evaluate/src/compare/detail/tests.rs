//! Slices, lengths, extremes and the constant answer, on rows made by hand.

use proptest::prelude::*;
use scores::metrics::METRICS;

use super::*;
use crate::answer::{AnswerOutcome, ModelAnswer};

fn said(text: &str) -> ModelAnswer {
    ModelAnswer {
        text: text.to_owned(),
        outcome: AnswerOutcome::Answered,
        ..ModelAnswer::failed("", 100)
    }
}

fn metric(name: &str) -> &'static dyn Metric {
    *METRICS.iter().find(|metric| metric.name() == name).unwrap()
}

/// Reference, base, tuned.
type RowTexts = (String, ModelAnswer, ModelAnswer);

fn detail(metric_name: &str, rows: &[RowTexts]) -> EvaluationDetail {
    let ids: Vec<String> = (0..rows.len()).map(|n| format!("{n:03}")).collect();
    let cases: Vec<Case<'_>> = rows
        .iter()
        .zip(&ids)
        .map(|((reference, base, tuned), row)| Case {
            row,
            reference,
            base,
            tuned,
            is_added: false,
        })
        .collect();
    of(metric(metric_name), &cases)
}

/// Labels of which seven in eight are `ham`; the base model is right half of the time.
fn labels(count: usize, tuned: impl Fn(usize, &str) -> String) -> Vec<RowTexts> {
    let label = |n: usize| if n.is_multiple_of(8) { "spam" } else { "ham" };
    let row = |n: usize| {
        let base = if n.is_multiple_of(2) {
            label(n)
        } else {
            "other"
        };
        let tuned = said(&tuned(n, label(n)));
        (label(n).to_owned(), said(base), tuned)
    };
    (0..count).map(row).collect()
}

#[test]
fn a_script_is_that_of_most_letters() {
    for (text, name) in [
        ("The ticket is closed.", "Latin"),
        ("Großer Ärger", "Latin"),
        ("Билет закрыт (OK)", "Cyrillic"),
        ("チケットは閉じました", "Kana"),
        ("工单已关闭", "Han"),
        ("티켓이 닫혔습니다", "Hangul"),
        ("42 %", "none"),
        ("", "none"),
    ] {
        assert_eq!(script(text), name, "{text}");
    }
}

#[test]
fn labels_are_slices_and_a_constant_answer_is_scored() {
    let constant = detail("exact", &labels(160, |_, _| "ham".to_owned()));
    let found = constant.constant.unwrap();
    assert_eq!((found.rows, found.mean), (140, 0.875));
    let refusal = no_better_than_constant(constant.constant.as_ref(), 0.875).unwrap();
    assert!(
        refusal.contains("most frequent answer scores 0.875"),
        "{refusal}"
    );
    assert_eq!(
        no_better_than_constant(constant.constant.as_ref(), 0.9),
        None
    );
    assert_eq!(no_better_than_constant(None, 0.0), None);
    let labels: Vec<(&str, u64, f64)> = constant
        .slices
        .iter()
        .filter(|slice| slice.kind == "label")
        .map(|slice| (slice.value.as_str(), slice.rows, slice.tuned_mean))
        .collect();
    assert_eq!(labels, [("ham", 140, 1.0), ("spam", 20, 0.0)]);
    let spam = constant
        .slices
        .iter()
        .find(|slice| slice.value == "spam")
        .unwrap();
    assert!(spam.high < 0.0, "all of it was right before: {spam:?}");
}

#[test]
fn the_rows_that_differ_most_come_first() {
    let rows: Vec<RowTexts> = (0..30)
        .map(|n| {
            let reference = "one two three four five six".to_owned();
            let (base, tuned) = match n {
                7 => ("seven", "one two three four five six"),
                9 => ("one two three four five six", "seven"),
                11 => ("one two three", "one two three four five"),
                _ => ("one", "one"),
            };
            (reference, said(base), said(tuned))
        })
        .collect();
    let detail = detail("rougeL", &rows);
    let ids = |pairs: &[PairScore]| {
        pairs
            .iter()
            .map(|pair| pair.row.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&detail.best), ["007", "011"]);
    assert_eq!(ids(&detail.worst), ["009"]);
    assert_eq!((detail.best[0].base, detail.best[0].tuned), (0.0, 1.0));
}

#[test]
fn a_lead_by_length_alone_is_seen() {
    let rows: Vec<RowTexts> = (0..40)
        .map(|n| {
            let reference = "one two three four five six seven eight".to_owned();
            let long = ["one two three four", "one two three four five six"][n % 2];
            let tuned = if n % 4 < 2 { long } else { "one two" };
            (reference, said("one two"), said(tuned))
        })
        .collect();
    let length = detail("rougeL", &rows).length.unwrap();
    assert!(length.correlation > 0.9, "{length:?}");
    assert_eq!((length.not_longer, length.difference_not_longer), (20, 0.0));
}

#[test]
fn a_few_rows_have_no_slices() {
    let few = detail("exact", &labels(9, |_, label| label.to_owned()));
    assert_eq!(few.slices, []);
    assert_eq!(detail("exact", &[]), EvaluationDetail::default());
}

proptest! {
    #[test]
    fn slices_of_a_kind_never_hold_more_than_all_rows(count in 0..60_usize, right in 1..5_usize) {
        let rows = labels(count, |n, label| if n.is_multiple_of(right) { label.to_owned() } else { "x".to_owned() });
        let detail = detail("exact", &rows);
        for kind in ["script", "length", "label"] {
            let of_kind = detail.slices.iter().filter(|slice| slice.kind == kind);
            let sum: u64 = of_kind.map(|slice| slice.rows).sum();
            prop_assert!(sum <= count as u64);
        }
        for slice in &detail.slices {
            prop_assert!(slice.low <= slice.difference && slice.difference <= slice.high, "{:?}", slice);
        }
    }
}
