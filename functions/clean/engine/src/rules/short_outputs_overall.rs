//! Many answers are short, but they are not labels.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
    task::Task,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "short_outputs_overall",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "many answers are short, but they are not labels",
    fix: "check the short ones: the wrong column may have been exported, or `output_words_min` may be too high",
    check: Check::File(check),
};

/// Share of short answers from which they are no longer a coincidence, in percent.
const SHORT_PERCENT: u64 = 10;

fn check(file: &FileSummary) -> Option<String> {
    let many = file.short * 100 >= file.distinct.max(1) * SHORT_PERCENT;
    (file.task == Task::Generation && many)
        .then(|| format!("{} of {} answers are short", file.short, file.distinct))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_many() {
        for (short, expected) in [(0, false), (9, false), (10, true)] {
            let file = FileSummary {
                short,
                distinct: 100,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), expected, "{short}");
        }
        let labels = FileSummary {
            short: 99,
            distinct: 100,
            task: Task::Classification,
            ..FileSummary::default()
        };
        assert_eq!(check(&labels), None);
    }
}
