//! References of every task, and what is guessed.

use super::*;

#[track_caller]
fn check(references: &[String], expected: &str) {
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let choice = choose(None, None, &references).unwrap();
    assert_eq!(choice.metric.name(), expected, "{}", choice.reason);
    assert!(!choice.reason.is_empty());
}

fn numbered(rows: usize, text: impl Fn(usize) -> String) -> Vec<String> {
    (0..rows).map(text).collect()
}

#[test]
fn labels_are_recognised_whatever_their_number() {
    check(
        &numbered(50, |n| ["yes", "no ", "no"][n % 3].into()),
        "exact",
    );
    check(&numbered(50, |n| format!("label {}", n % 11)), "exact");
    check(&numbered(500, |n| format!("class {}", n % 31)), "exact");
    check(
        &numbered(400, |n| format!("intent_{}", n * n % 151)),
        "exact",
    );
    check(&numbered(3, |_| "yes".into()), "rougeL");
    check(&numbered(50, |n| format!("label {n}")), "rougeL");
    let sentence = |n| {
        format!(
            "this is answer number {} of the twenty that there are",
            n % 20
        )
    };
    check(&numbered(100, sentence), "rougeL");
}

#[test]
fn final_numbers_are_recognised() {
    check(
        &numbered(50, |n| format!("So it is {n}.\n#### {n}")),
        "number",
    );
    check(
        &numbered(50, |n| format!("2*{n}=<<2*{n}=4>>4\nA: {},000", n + 1)),
        "number",
    );
    check(&numbered(50, |n| format!("${n}.50")), "number");
    check(&numbered(50, |n| format!("The answer is {n}.")), "number");
    check(
        &numbered(50, |n| format!("Thus $\\boxed{{{n}}}$.")),
        "number",
    );
    check(
        &numbered(50, |n| format!("a sentence of its own, number {n}")),
        "rougeL",
    );
}

#[test]
fn documents_and_calls_are_recognised() {
    check(&numbered(50, |n| format!("{{\"n\":{n}}}")), "json");
    check(
        &numbered(50, |n| {
            format!("{{\"args\":{{\"n\":{n}}},\"name\":\"buy\"}}")
        }),
        "call",
    );
    let one_is_prose = |n| match n {
        0 => "prose".into(),
        n => format!("{{\"n\":{n}}}"),
    };
    check(&numbered(50, one_is_prose), "json");
    check(&numbered(10, one_is_prose), "rougeL");
}

#[test]
fn prose_is_read_in_its_script() {
    check(
        &numbered(50, |n| {
            format!("a sentence of its own about {n} cats and dogs")
        }),
        "rougeL",
    );
    check(
        &numbered(50, |n| format!("предложение номер {n}")),
        "rougeL_unicode",
    );
    let mostly_english = |n| match n % 20 {
        0 => "да".into(),
        _ => format!("sentence {n}"),
    };
    check(&numbered(50, mostly_english), "rougeL");
    check(
        &numbered(50, |n| format!("{}!", "?".repeat(n))),
        "similarity",
    );
    check(&[], "rougeL");
}

#[test]
fn a_name_goes_before_a_recorded_task_and_that_before_a_guess() {
    let references = ["some prose", "more prose"];
    let named = choose(Some("bleu"), Some("classification"), &references).unwrap();
    assert_eq!(named.metric.name(), "bleu");
    let recorded = choose(None, Some("classification"), &references).unwrap();
    assert_eq!(recorded.metric.name(), "exact");
    let other = choose(None, Some("generation"), &references).unwrap();
    assert_eq!(other.metric.name(), "rougeL");
    let unknown = choose(Some("blue"), None, &references)
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("no metric `blue`") && unknown.contains("bleu"),
        "{unknown}"
    );
}
