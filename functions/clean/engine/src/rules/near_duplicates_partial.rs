//! The file has too many rows to compare them all for near-duplicates.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "near_duplicates_partial",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the file has too many rows to compare them all for near-duplicates",
    fix: "nothing to do if the first rows cover every kind; otherwise upload each kind as its own dataset",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    let later = file.not_compared;
    (later > 0).then(|| {
        format!(
            "the last {later} rows were compared with the rows above but not with each other: \
             some may be near-duplicates"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_compared_are_counted() {
        let message = |not_compared| {
            check(&FileSummary {
                not_compared,
                ..FileSummary::default()
            })
        };
        assert_eq!(message(0), None);
        assert!(message(7).unwrap().starts_with("the last 7 rows"));
    }
}
