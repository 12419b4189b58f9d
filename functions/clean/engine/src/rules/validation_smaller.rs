//! The validation split is much smaller than the recipe asks for.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
///
/// The rows held out of a large file stay in memory until its end, so their number is estimated from
/// the first rows, on the safe side. The service also refuses a validation file that is large
/// relative to the training file.
pub(crate) static RULE: Rule = Rule {
    code: "validation_smaller",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the validation split is much smaller than the recipe asks for: of a large file at most 24 MiB are held out, and never more than the service accepts",
    fix: "nothing to do if a few hundred rows remain, which are enough to monitor a job; otherwise split the file, or shorten its longest rows",
    check: Check::File(check),
};

/// Share of the requested rows that is enough, in percent: estimates can be off by the rest.
const ENOUGH_PERCENT: u64 = 75;

fn check(file: &FileSummary) -> Option<String> {
    let FileSummary {
        validation_rows: rows,
        validation_expected: asked,
        ..
    } = file;
    (rows * 100 < asked * ENOUGH_PERCENT)
        .then(|| format!("the validation split has {rows} rows; the recipe asks for {asked}"))
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
    fn a_small_shortfall_is_not_reported() {
        for (rows, expected) in [(0, true), (74, true), (75, false), (100, false)] {
            let file = FileSummary {
                validation_rows: rows,
                validation_expected: 100,
                ..FileSummary::default()
            };
            assert_eq!(check(&file).is_some(), expected, "{rows}");
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
