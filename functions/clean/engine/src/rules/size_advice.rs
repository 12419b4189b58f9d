//! There are enough rows to begin with, and fewer than are advised for a domain.

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
    doc: "there are fewer rows than the 3,000 to 5,000 that are advised for one domain",
    fix: "nothing to do if the answers are alike; broad style takes 20,000 to 50,000 rows; good rows count for more than many",
    check: Check::File(check),
};

/// Rows from which on one domain is usually covered.
const ROWS_FOR_A_DOMAIN: u64 = 3_000;

fn check(file: &FileSummary) -> Option<String> {
    let few = (ROWS_ADVISED..ROWS_FOR_A_DOMAIN).contains(&file.kept);
    (few && file.task == Task::Generation).then(|| {
        let kept = file.kept;
        format!(
            "{kept} rows are kept: enough to begin with, 3,000 to 5,000 are advised for one domain"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_given_between_a_start_and_a_domain() {
        for (kept, task, told) in [
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
            assert_eq!(check(&file).is_some(), told, "{kept}");
        }
    }
}
