//! There are more rows than are compared with each other to find near-duplicates.

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
    doc: "there are more rows than are compared with each other to find near-duplicates",
    fix: "nothing, if the rows above are of all kinds; else upload kinds apart, each a dataset",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    let later = file.not_compared;
    (later > 0).then(|| {
        format!(
            "the last {later} rows are looked for among those above, but not among each other: \
             some may be nearly the same"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_compared_are_counted() {
        let told = |not_compared| {
            check(&FileSummary {
                not_compared,
                ..FileSummary::default()
            })
        };
        assert_eq!(told(0), None);
        assert!(told(7).unwrap().starts_with("the last 7 rows"));
    }
}
