//! Which metric decides. Chosen from the references alone, before any answer is seen, so that the metric cannot be picked for
//! its result.

use std::collections::BTreeSet;

use crate::{
    metric::Metric,
    metrics::{exact::Exact, json::Json, rouge_l::RougeL, similarity::Similarity},
};

/// More distinct references than this are not labels.
const CLASSES_MAX: usize = 30;

/// Rows per label, on average, below which references are not labels: otherwise few rows would look like few classes.
const ROWS_PER_CLASS: usize = 5;

/// `exact` where the references are labels, `json` where all are JSON documents, `similarity` where `rougeL` cannot read them,
/// and `rougeL` for prose.
pub(super) fn choose<'a>(references: impl Iterator<Item = &'a str> + Clone) -> &'static str {
    let rows = references.clone().count();
    let distinct: BTreeSet<String> = references.clone().map(folded).collect();
    if distinct.len() <= CLASSES_MAX && distinct.len() * ROWS_PER_CLASS <= rows {
        Exact.name()
    } else if rows > 0 && references.clone().all(|reference| Json.applies(reference)) {
        Json.name()
    } else if references.filter(|reference| !legible(reference)).count() * 10 > rows {
        Similarity.name()
    } else {
        RougeL.name()
    }
}

fn folded(reference: &str) -> String {
    reference.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// ROUGE reads `[a-z0-9]` only: on Russian or Japanese it scores any answer of either model 0, and two zeros would count as
/// "not worse".
fn legible(reference: &str) -> bool {
    let letters = reference.chars().filter(|letter| letter.is_alphanumeric());
    let ascii = letters.clone().filter(char::is_ascii).count();
    ascii > 0 && ascii * 2 >= letters.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(references: &[String], expected: &str) {
        assert_eq!(choose(references.iter().map(String::as_str)), expected);
        assert!(crate::metrics::find(expected).is_some(), "{expected}");
    }

    fn numbered(rows: usize, text: impl Fn(usize) -> String) -> Vec<String> {
        (0..rows).map(text).collect()
    }

    #[test]
    fn the_references_decide_the_metric() {
        check(
            &numbered(50, |n| ["yes", "no ", "no"][n % 3].into()),
            "exact",
        );
        check(&numbered(50, |n| format!("label {}", n % 10)), "exact");
        check(&numbered(50, |n| format!("label {}", n % 11)), "rougeL");
        check(&numbered(3, |_| "yes".into()), "rougeL");
        check(&numbered(500, |n| format!("class {}", n % 31)), "rougeL");
        check(
            &numbered(50, |n| format!("a sentence of its own, number {n}")),
            "rougeL",
        );
        check(&numbered(50, |n| format!("{{\"n\":{n}}}")), "json");
        check(
            &numbered(50, |n| {
                if n == 0 {
                    "prose".into()
                } else {
                    format!("{{\"n\":{n}}}")
                }
            }),
            "rougeL",
        );
        check(
            &numbered(50, |n| format!("предложение номер {n}")),
            "similarity",
        );
        check(
            &numbered(50, |n| {
                if n % 20 == 0 {
                    "да".into()
                } else {
                    format!("sentence {n}")
                }
            }),
            "rougeL",
        );
        check(
            &numbered(50, |n| format!("{}!", "?".repeat(n))),
            "similarity",
        );
        check(&[], "exact");
    }
}
