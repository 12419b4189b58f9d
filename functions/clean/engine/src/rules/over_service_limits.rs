//! The training file is larger than the service takes.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "over_service_limits",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "the training file is larger than the service takes",
    fix: "cut the dataset down to 1 GB and 10,000,000 rows: good rows count for more than many",
    check: Check::File(check),
};

/// Largest training file, in bytes (the service's limits for text-only supervised tuning).
const TRAIN_BYTES_MAX: u64 = 1_000_000_000;

/// Most training rows (the same).
const TRAIN_ROWS_MAX: u64 = 10_000_000;

fn check(file: &FileSummary) -> Option<String> {
    let over = file.train_bytes > TRAIN_BYTES_MAX || file.train_rows > TRAIN_ROWS_MAX;
    over.then(|| {
        format!(
            "{} bytes and {} rows for training, the most is {TRAIN_BYTES_MAX} and {TRAIN_ROWS_MAX}",
            file.train_bytes, file.train_rows
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_rows_are_limited() {
        for (train_bytes, train_rows, told) in [
            (1_000_000_000, 10_000_000, false),
            (1_000_000_001, 1, true),
            (1, 10_000_001, true),
        ] {
            let file = FileSummary {
                train_rows,
                train_bytes,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), told, "{train_bytes} {train_rows}");
        }
    }
}
