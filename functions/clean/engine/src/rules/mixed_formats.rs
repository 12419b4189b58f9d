//! The rows use more than one format.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: "mixed_formats",
    version: 1,
    severity: Severity::Note,
    binding: false,
    doc: "the rows use more than one format",
    fix: "nothing to do if intended",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    (file.formats > 1).then(|| format!("the rows use {} formats", file.formats))
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::report_on;

    #[test]
    fn two_formats_are_noted() {
        let text = "{\"input\":\"a\",\"output\":\"one two three\"}\n{\"prompt\":\"b\",\"completion\":\"one two three\"}";
        assert_eq!(report_on(text).codes.get("mixed_formats"), Some(&1));
        assert_eq!(report_on(text).rows.kept, 2);
    }
}
