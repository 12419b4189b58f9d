//! Whether a person must look at a cleaned dataset before a model is tuned on it.
//!
//! A file that was misread, or that is not what its owner thinks it is, still leaves some rows to train
//! on. What is left of it must not be trained on without a word.

use crate::report::Report;

/// Findings that are grave if most rows share them: the rows were exported in the wrong way, or
/// written by a program that failed.
const GRAVE: &[&str] = &[
    "placeholder",
    "mojibake",
    "refusal",
    "truncated_output",
    "output_equals_input",
    "repeated_text",
    "delimiters",
];

/// Above what a person must look at a dataset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReviewLimits {
    /// Most rows left out, in percent of all.
    pub rejected_percent_max: f64,
    /// Fewest rows held out for evaluation.
    pub eval_rows_min: u64,
}

/// Why a person must look at the dataset of `report`, each in a sentence for people; empty where there is
/// no reason.
pub fn review(report: &Report, limits: ReviewLimits) -> Vec<String> {
    let rows = report.rows;
    let mut reasons = Vec::new();
    let percent = percent(rows.rejected, rows.read);
    if percent > limits.rejected_percent_max {
        reasons.push(format!(
            "{} of {} rows were left out, above rejected_percent_max = {}",
            rows.rejected, rows.read, limits.rejected_percent_max
        ));
    } else if rows.rejected.saturating_mul(3) > rows.read {
        reasons.push(format!(
            "{} of {} rows were left out, more than a third",
            rows.rejected, rows.read
        ));
    }
    for code in GRAVE {
        let found = report.codes.get(*code).copied().unwrap_or_default();
        if found.saturating_mul(2) > rows.read {
            reasons.push(format!(
                "`{code}` was found in {found} of {} rows",
                rows.read
            ));
        }
    }
    if report.splits.eval < limits.eval_rows_min {
        reasons.push(format!(
            "{} rows are held out for evaluation, below eval_rows_min = {}: the tuned model could not be \
             judged",
            report.splits.eval, limits.eval_rows_min
        ));
    }
    reasons
}

fn percent(part: u64, all: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rows stay far below 2^53")]
    let percent = part as f64 * 100.0 / all.max(1) as f64;
    percent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::report_on;

    const LIMITS: ReviewLimits = ReviewLimits {
        rejected_percent_max: 100.0,
        eval_rows_min: 1,
    };

    fn rows(count: usize, row: impl Fn(usize) -> String) -> String {
        (0..count).map(row).collect()
    }

    fn good(n: usize) -> String {
        format!("{{\"input\":\"question {n}\",\"output\":\"this is answer {n}\"}}\n")
    }

    #[track_caller]
    fn check(text: &str, limits: ReviewLimits, expected: &[&str]) {
        let reasons = review(&report_on(text), limits);
        assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
        for (reason, expected) in reasons.iter().zip(expected) {
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn good_rows_need_no_review() {
        check(&rows(60, good), LIMITS, &[]);
    }

    #[test]
    fn what_leaves_out_too_many_rows_is_looked_at() {
        let bad = |share: usize| {
            rows(60, move |n| {
                if n % share == 0 {
                    "{\"input\":\"a\"}\n".to_owned()
                } else {
                    good(n)
                }
            })
        };
        check(&bad(4), LIMITS, &[]);
        check(
            &bad(2),
            LIMITS,
            &["30 of 60 rows were left out, more than a third"],
        );
        let strict = ReviewLimits {
            rejected_percent_max: 10.0,
            ..LIMITS
        };
        check(&bad(4), strict, &["above rejected_percent_max = 10"]);
        check(&bad(2), strict, &["above rejected_percent_max = 10"]);
    }

    #[test]
    fn what_most_rows_share_is_looked_at() {
        let row = |n| {
            format!(
                "{{\"input\":\"hello {{{{name}}}} number {n}\",\"output\":\"this is answer {n}\"}}\n"
            )
        };
        check(
            &rows(60, row),
            LIMITS,
            &["`placeholder` was found in 60 of 60"],
        );
    }

    #[test]
    fn what_cannot_be_judged_is_looked_at() {
        check(&rows(6, good), LIMITS, &["below eval_rows_min = 1"]);
        let floor = ReviewLimits {
            eval_rows_min: 50,
            ..LIMITS
        };
        check(&rows(60, good), floor, &["6 rows are held out"]);
    }
}
