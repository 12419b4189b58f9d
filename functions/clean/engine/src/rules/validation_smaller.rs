//! Far fewer rows validate than the recipe asks for.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
///
/// What is held out of a large file is in memory until its end, and how many rows that may be is
/// estimated from its first ones, on the safe side; and the service refuses a validation file that is
/// large beside the training file.
pub(crate) static RULE: Rule = Rule {
    code: "validation_smaller",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "far fewer rows validate than the recipe asks for: of a large file 24 MiB are held out at most, and never more than the service takes",
    fix: "nothing, if they are enough to watch a job by: some hundreds are; else cut the file up, or its longest rows",
    check: Check::File(check),
};

/// Share of the rows asked for from which there are enough, in percent: estimates are that far off.
const ENOUGH_PERCENT: u64 = 75;

fn check(file: &FileSummary) -> Option<String> {
    let FileSummary {
        validation_rows: rows,
        validation_expected: asked,
        ..
    } = file;
    (rows * 100 < asked * ENOUGH_PERCENT)
        .then(|| format!("{rows} rows validate where the recipe asks for {asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pass::{machine::Machine, survey},
        rules::tests::report_on,
        settings::Settings,
    };

    #[test]
    fn some_less_is_no_news() {
        for (rows, told) in [(0, true), (74, true), (75, false), (100, false)] {
            let file = FileSummary {
                validation_rows: rows,
                validation_expected: 100,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), told, "{rows}");
        }
        assert_eq!(check(&FileSummary::default()), None);
    }

    #[test]
    fn long_rows_of_a_large_file_leave_less_room() {
        let answer = "some more words ".repeat(2_600);
        let row = |n: u32| format!("{{\"input\":\"question {n}\",\"output\":\"{n} {answer}\"}}\n");
        let rows: String = (0..900).map(row).collect();
        let settings = Settings {
            validation_percent: 23,
            eval_rows: 600,
            ..Settings::default()
        };
        let machine = Machine::tiny(2, 1 << 20);
        let cleaned = survey(&rows.into_bytes(), &settings, machine, &mut |_| {}).unwrap();
        let codes = cleaned.report.codes;
        assert_eq!(codes.get(RULE.code), Some(&1), "{codes:?}");
        let few = r#"{"input":"a","output":"one two three"}"#;
        assert!(!report_on(few).codes.contains_key(RULE.code));
    }
}
