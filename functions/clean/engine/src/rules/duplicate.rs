//! The row is a duplicate of an earlier row, compared after normalisation.

use crate::{
    rule::{Check, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "duplicate",
    version: 1,
    severity: Severity::Reject,
    binding: false,
    doc: "the row is a duplicate of an earlier row, compared after normalisation",
    fix: "remove it, or make it differ: duplicates encourage memorisation",
    check: Check::Rows,
};

#[cfg(test)]
mod tests {
    use crate::{report::RowCounts, rules::tests::report_on};

    #[test]
    fn the_first_of_equal_rows_stays() {
        let text = "{\"input\":\"a\",\"output\":\"one two three\"}\n\
                    {\"output\":\" one two three\", \"input\":\"a\"}\n\
                    {\"prompt\":\"a\",\"completion\":\"one two three\"}\n";
        let report = report_on(text);
        let expected = RowCounts {
            read: 3,
            kept: 1,
            rejected: 0,
            duplicate: 2,
        };
        assert_eq!(report.rows, expected);
        assert_eq!(report.codes.get("duplicate"), Some(&2));
        let lines: Vec<u64> = report
            .findings
            .iter()
            .filter(|f| f.code == "duplicate")
            .map(|f| f.line)
            .collect();
        assert_eq!(lines, [2, 3]);
    }
}
