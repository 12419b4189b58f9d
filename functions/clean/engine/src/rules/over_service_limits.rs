//! The training file exceeds the service's limits.

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
    doc: "the training file exceeds the service's limits",
    fix: "reduce the dataset to at most 1 GB and 10,000,000 rows: quality matters more than quantity",
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
            "the training file has {} bytes and {} rows; \
             the limits are {TRAIN_BYTES_MAX} bytes and {TRAIN_ROWS_MAX} rows",
            file.train_bytes, file.train_rows
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_rows_are_limited() {
        for (train_bytes, train_rows, expected) in [
            (1_000_000_000, 10_000_000, false),
            (1_000_000_001, 1, true),
            (1, 10_000_001, true),
        ] {
            let file = FileSummary {
                train_rows,
                train_bytes,
                ..FileSummary::default()
            };
            assert_eq!(
                check(&file).is_some(),
                expected,
                "{train_bytes} {train_rows}"
            );
        }
    }
}
