//! There are enough rows to start with, but fewer than recommended for one domain.

use super::few_rows::ROWS_ADVISED;
use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
    task::Task,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "size_advice",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "there are fewer rows than the 3,000 to 5,000 recommended for one domain",
    fix: "nothing to do if the answers are similar; broad style needs 20,000 to 50,000 rows; quality matters more than quantity",
    check: Check::File(check),
};

/// Number of rows that usually covers one domain.
const ROWS_FOR_A_DOMAIN: u64 = 3_000;

fn check(file: &FileSummary) -> Option<String> {
    let few = (ROWS_ADVISED..ROWS_FOR_A_DOMAIN).contains(&file.kept);
    (few && file.task == Task::Generation).then(|| {
        let kept = file.kept;
        format!(
            "{kept} rows are kept: enough to start with; 3,000 to 5,000 are recommended for one domain"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_given_between_a_start_and_a_domain() {
        for (kept, task, expected) in [
            (99, Task::Generation, false),
            (100, Task::Generation, true),
            (2_999, Task::Generation, true),
            (3_000, Task::Generation, false),
            (500, Task::Classification, false),
        ] {
            let file = FileSummary {
                kept,
                task,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), expected, "{kept}");
        }
    }
}
