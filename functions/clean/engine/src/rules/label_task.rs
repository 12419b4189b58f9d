//! The answers are labels, so short ones are kept.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
    task::Task,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "label_task",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the answers are labels, so short ones are kept",
    fix: "nothing to do; if these are not labels, write complete answers",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    (file.task == Task::Classification).then(|| {
        format!(
            "{} short answers use {} labels and are kept",
            file.short, file.labels
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        outputs::OutputFile, pass::tests::clean, report::RowCounts, rules::tests::report_on,
        settings::Settings, task::Task,
    };

    fn rows(labels: &[&str], times: usize) -> String {
        let row = |n: usize| {
            format!(
                "{{\"input\":\"q{n}\",\"output\":\"{}\"}}\n",
                labels[n % labels.len()]
            )
        };
        (0..times * labels.len()).map(row).collect()
    }

    #[test]
    fn a_few_answers_over_many_rows_are_labels() {
        let report = report_on(&rows(&["good", "bad"], 20));
        assert_eq!(report.task, Task::Classification);
        assert_eq!(
            report.rows,
            RowCounts {
                read: 40,
                kept: 40,
                rejected: 0,
                duplicate: 0
            }
        );
        assert_eq!(
            (
                report.codes.get("label_task"),
                report.codes.get("short_output")
            ),
            (Some(&1), None)
        );
    }

    #[test]
    fn answers_under_a_label_key_are_labels_even_if_all_differ() {
        let row = |key: &str, n: u32| format!("{{\"text\":\"q{n}\",\"{key}\":\"intent{n}\"}}\n");
        let rows = |key: &str| (0..40).map(|n| row(key, n)).collect::<String>();
        for key in ["label", "category"] {
            let report = report_on(&rows(key));
            assert_eq!(report.task, Task::Classification);
            assert_eq!(report.rows.kept, 40);
        }
    }

    #[test]
    fn labels_are_kept_when_the_output_is_cleaned_again() {
        let many: Vec<String> = (0..20).map(|n| format!("label{n}")).collect();
        let labels: Vec<&str> = many.iter().map(String::as_str).collect();
        let (cleaned, written) = clean(rows(&labels, 5).as_bytes(), &Settings::default());
        assert_eq!(cleaned.report.task, Task::Classification);
        for part in [OutputFile::Train, OutputFile::Validation, OutputFile::Eval] {
            let (again, _) = clean(&written.0[&part], &Settings::default());
            assert_eq!(again.report.rows.kept, again.report.rows.read, "{part:?}");
        }
    }

    #[test]
    fn many_answers_over_few_rows_are_short_answers() {
        let many: Vec<String> = (0..40).map(|n| format!("label{n}")).collect();
        let labels: Vec<&str> = many.iter().map(String::as_str).collect();
        let report = report_on(&rows(&labels, 1));
        assert_eq!(report.task, Task::Generation);
        assert_eq!(report.codes.get("short_output"), None);
        assert_eq!(report.codes["short_outputs_overall"], 1);
    }
}
