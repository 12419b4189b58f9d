//! Rows for training are nearly the same as rows for evaluation.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
///
/// Rows of which four fifths of the phrases are the same, or, in rows of few words, of the runs of five
/// characters. Where the draw places
/// the rows of a dataset that fits into memory, it keeps such rows together; this is about what the file
/// itself places, what earlier versions hold out, and rows that are alike in their hundreds.
pub(crate) static RULE: Rule = Rule {
    code: "near_leak",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "rows for training are nearly the same as rows for evaluation",
    fix: "remove them from training, or leave the split to the draw (`split_by = \"draw\"`, `scan = [\"near_duplicates\"]`); scores are too good otherwise",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    let rows = file.near_leaks;
    (rows > 0).then(|| match rows {
        1 => "a row for training is nearly the same as one for evaluation".to_owned(),
        rows => format!("{rows} rows for training are nearly the same as rows for evaluation"),
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        outputs::OutputFile, pass::tests::clean, rules::tests::report_on, settings::Settings,
    };

    /// A row of many words, which differs in its last word from others with the same `number`.
    fn row(number: usize, last: usize, split: &str) -> String {
        let words: Vec<String> = (0..40).map(|n| format!("w{number}x{n}")).collect();
        let words = words.join(" ");
        format!("{{\"input\":\"{words} {last}\",\"output\":\"one two three {number}\"{split}}}\n")
    }

    #[test]
    fn the_draw_keeps_rows_that_are_nearly_the_same_together() {
        let text: String = (0..200).map(|n| row(n / 2, n, "")).collect();
        let (cleaned, files) = clean(text.as_bytes(), &Settings::default());
        let report = cleaned.report;
        assert_eq!(
            (report.rows.kept, report.codes.get("near_leak")),
            (200, None)
        );
        assert!(report.splits.eval > 0 && !report.codes.contains_key("near_duplicate"));
        let numbers = |file| -> Vec<String> {
            let rows = files.rows(file).into_iter();
            let number = |row: &str| row.split("one two three ").nth(1).unwrap().to_owned();
            rows.map(number).collect()
        };
        let trained = numbers(OutputFile::Train);
        let held_out = numbers(OutputFile::Eval);
        assert!(held_out.iter().all(|number| !trained.contains(number)));
    }

    #[test]
    fn a_split_of_the_file_that_leaks_is_named() {
        let text: String = (0..80)
            .map(|n| match n {
                0..40 => row(n, n, ",\"split\":\"train\""),
                _ => row(n - 40, n, ",\"split\":\"test\""),
            })
            .collect();
        let report = report_on(&text);
        assert_eq!((report.splits.train, report.splits.eval), (32, 40));
        let finding = report.findings.iter().find(|f| f.code == "near_leak");
        assert_eq!(
            finding.unwrap().message,
            "32 rows for training are nearly the same as rows for evaluation"
        );
    }

    #[test]
    fn rows_that_are_all_alike_are_still_split() {
        let text: String = (0..100).map(|n| row(0, n, "")).collect();
        let report = report_on(&text);
        assert_eq!(report.splits.eval, 10);
        assert!(report.codes.contains_key("near_leak"));
    }
}
