//! There are too few rows to hold any out.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "not_split",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "there are too few rows to hold any out",
    fix: "collect at least 20 rows: without a validation file the service draws no evaluation curve, and without held-out rows the base and tuned models cannot be compared",
    check: Check::File(check),
};

/// Fewest rows of which some are held out: a tenth of fewer is a single row, which measures
/// nothing.
pub(crate) const ROWS_MIN: u64 = 20;

fn check(file: &FileSummary) -> Option<String> {
    let too_few = file.kept > 0 && file.kept < ROWS_MIN;
    too_few.then(|| {
        format!(
            "{} used for training: with fewer than {ROWS_MIN} rows, none are held out",
            match file.kept {
                1 => "the one row is".to_owned(),
                rows => format!("all {rows} rows are"),
            }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_twenty_nothing_is_held_out() {
        for (kept, expected) in [(0, false), (19, true), (20, false)] {
            let file = FileSummary {
                kept,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), expected, "{kept}");
        }
    }
}
