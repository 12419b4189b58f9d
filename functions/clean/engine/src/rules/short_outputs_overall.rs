//! Many answers are short, yet they are no labels.

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
    doc: "many answers are short, yet they are no labels",
    fix: "look at the short ones: perhaps the wrong column was exported, or `output_words_min` is too high",
    check: Check::File(check),
};

/// Share of short answers from which they are no accident, in percent.
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
        for (short, told) in [(0, false), (9, false), (10, true)] {
            let file = FileSummary {
                short,
                distinct: 100,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), told, "{short}");
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
