//! There are fewer than 100 rows.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "few_rows",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "there are fewer than 100 rows",
    fix: "collect more: 100 to 500 to start with, 3,000 to 5,000 for one domain, 20,000 to 50,000 for broad style; quality matters more than quantity",
    check: Check::File(check),
};

/// Fewest rows for which tuning is recommended (the service's documentation: "at least 100 to 500
/// examples").
pub(crate) const ROWS_ADVISED: u64 = 100;

fn check(file: &FileSummary) -> Option<String> {
    let few = file.kept > 0 && file.kept < ROWS_ADVISED;
    few.then(|| {
        format!(
            "{}; at least {ROWS_ADVISED} are recommended",
            match file.kept {
                1 => "one row is kept".to_owned(),
                rows => format!("{rows} rows are kept"),
            }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_hundred_is_few() {
        for (kept, few) in [(0, false), (1, true), (99, true), (100, false)] {
            let file = FileSummary {
                kept,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), few, "{kept}");
        }
    }
}
