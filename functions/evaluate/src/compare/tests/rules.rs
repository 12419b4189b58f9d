//! What the rules of a verdict change: a cap of latency, rows that were added, rows that need not be asked.

use super::*;

#[test]
fn a_better_model_that_is_much_slower_is_ruled_out_where_the_recipe_says_so() {
    let answers = rows(60, |n| {
        let label = ["spam", "ham"][n % 2];
        let slow = ModelAnswer {
            latency_ms: 900,
            ..said(label)
        };
        (label.into(), said("eggs"), slow)
    });
    let cases: Vec<Case<'_>> = answers.iter().map(case).collect();
    let metric = deciding(answers.iter().map(|(reference, ..)| reference.as_str()));
    let verdict = |latency_ratio_max| {
        let rules = VerdictRules {
            latency_ratio_max,
            ..VerdictRules::default()
        };
        compare(metric, &cases, "digest", &rules)
    };
    assert_eq!(verdict(None).verdict, Verdict::Better);
    assert_eq!(verdict(Some(1_000.0)).verdict, Verdict::Better);
    let slow = verdict(Some(1.5));
    assert_eq!(slow.verdict, Verdict::RuledOut);
    assert!(
        slow.reason
            .contains("longer than 1.5 times those of its base model"),
        "{}",
        slow.reason
    );
}

#[test]
fn rows_that_were_added_are_asked_after_a_plan_that_proved_nothing() {
    // Four rows in five are right by both, and of the others the tuned model wins two in three.
    let answers = rows(300, |n| {
        let label = ["spam", "ham"][n % 2];
        let (base, tuned) = match n % 15 {
            0 | 5 => ("eggs", label),
            10 => (label, "eggs"),
            _ => (label, label),
        };
        (label.into(), said(base), said(tuned))
    });
    let metric = deciding(answers.iter().map(|(reference, ..)| reference.as_str()));
    let cases: Vec<Case<'_>> = (0..)
        .zip(&answers)
        .map(|(place, row)| Case {
            is_added: place >= 60,
            ..case(row)
        })
        .collect();
    let first = VerdictRules {
        planned: Some(60),
        ..VerdictRules::default()
    };
    assert!(is_over(metric, &cases[..60], &first));
    let more = VerdictRules {
        added: 240,
        ..first
    };
    assert!(
        !is_over(metric, &cases[..60], &more),
        "the evidence goes on"
    );
    let open = compare(
        metric,
        &cases[..60],
        "digest",
        &VerdictRules {
            planned: None,
            ..first
        },
    );
    assert_eq!(open.verdict, Verdict::CannotTell, "{}", open.reason);
    let all = VerdictRules {
        planned: None,
        ..more
    };
    let found = compare(metric, &cases, "digest", &all);
    assert_eq!(found.rows, 300);
    assert_ne!(
        found.verdict,
        Verdict::Better,
        "40 wins and 20 losses are evidence of less than 100"
    );
}

#[test]
fn asking_stops_when_something_is_proven() {
    let answers = rows(60, |n| {
        let label = ["spam", "ham"][n % 2];
        (label.into(), said("eggs"), said(label))
    });
    let cases: Vec<Case<'_>> = answers.iter().map(case).collect();
    let metric = deciding(answers.iter().map(|(reference, ..)| reference.as_str()));
    let rules = VerdictRules {
        planned: Some(200),
        ..VerdictRules::default()
    };
    assert!(!is_over(metric, &cases[..8], &rules));
    assert!(is_over(metric, &cases[..9], &rules));
    let evaluation = compare(metric, &cases, "digest", &rules);
    assert_eq!(
        (evaluation.verdict, evaluation.stopped_after),
        (Verdict::Better, Some(9))
    );
}
