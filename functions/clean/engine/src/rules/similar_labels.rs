//! Two labels are nearly the same.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
///
/// Names that differ in case, spaces or marks only; and a rare one that differs from a frequent one in
/// one letter.
pub(crate) static RULE: Rule = Rule {
    code: "similar_labels",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "its label is nearly the same as another",
    fix: "write every label in one way; a model tuned on both learns to tell them apart",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{rules::tests::report_on, task::Task};

    /// Rows with such labels, so many of each.
    fn rows(labels: &[(&str, usize)]) -> String {
        let of_one = |(label, count): &(&str, usize)| {
            let row = |n: usize| format!("{{\"text\":\"{label} {n}\",\"label\":\"{label}\"}}\n");
            (0..*count).map(row).collect::<String>()
        };
        labels.iter().map(of_one).collect()
    }

    #[track_caller]
    fn check(labels: &[(&str, usize)], expected: &[(u64, &str, &str)]) {
        let report = report_on(&rows(labels));
        assert_eq!(report.task, Task::Classification);
        let about = |code: &str| ["similar_labels", "rare_label"].contains(&code);
        let findings = report.findings.iter().filter(|f| about(&f.code));
        let found: Vec<(u64, &str, &str)> = findings
            .map(|f| (f.line, f.code.as_ref(), f.message.as_str()))
            .collect();
        assert_eq!(found, expected, "{labels:?}");
    }

    #[test]
    fn labels_in_other_case_and_misspelt_ones_are_named() {
        check(&[("refund", 30), ("delivery", 30)], &[]);
        check(
            &[("card arrival", 30), ("Card-Arrival", 12), ("delivery", 30)],
            &[(
                31,
                "similar_labels",
                "its label, of 12 rows, is nearly the same as that of line 1, of 30 rows",
            )],
        );
        check(
            &[("delivery", 30), ("refund", 30), ("delivry", 2)],
            &[(
                61,
                "similar_labels",
                "its label, of 2 rows, is nearly the same as that of line 1, of 30 rows",
            )],
        );
    }

    #[test]
    fn labels_that_differ_on_purpose_are_not() {
        check(&[("level 1", 30), ("level 2", 3)], &[]);
        check(&[("positive", 30), ("negative", 3)], &[]);
        check(&[("credits", 30), ("credit", 29)], &[]);
        check(&[("hate", 30), ("late", 2)], &[]);
    }

    #[test]
    fn a_label_of_one_row_is_named() {
        let message = super::super::rare_label::RULE.doc;
        check(
            &[("refund", 30), ("delivery", 30), ("other matters", 1)],
            &[(61, "rare_label", message)],
        );
    }
}
