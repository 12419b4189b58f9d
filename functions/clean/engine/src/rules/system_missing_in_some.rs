//! Some rows have a system instruction and some do not.

use crate::{
    rule::{Check, FileSummary, Rule},
    severity::Severity,
};

/// The rule.
///
/// One of the checks that Google runs before it accepts a dataset.
pub(crate) static RULE: Rule = Rule {
    code: "system_missing_in_some",
    version: 1,
    severity: Severity::Warn,
    binding: false,
    doc: "some rows have a system instruction and some do not",
    fix: "give every row the one used in production, or none; `system_instruction` in the recipe fills in missing ones",
    check: Check::File(check),
};

fn check(file: &FileSummary) -> Option<String> {
    let lacking = file.kept.saturating_sub(file.systems);
    let some = file.systems > 0 && lacking > 0;
    some.then(|| format!("{lacking} of {} rows have no system instruction", file.kept))
}

#[cfg(test)]
mod tests {
    use crate::{
        rules::tests::{report_by, report_on},
        settings::Settings,
    };

    #[test]
    fn all_or_none_have_a_system_instruction() {
        let with = "{\"system\":\"s\",\"input\":\"a\",\"output\":\"one two three\"}\n";
        let without = "{\"system\":\" \",\"input\":\"b\",\"output\":\"one two three\"}\n";
        let messages = |text: &str, settings: &Settings| {
            let found = report_by(text, settings).findings.into_iter();
            found
                .filter(|f| f.code == "system_missing_in_some")
                .map(|f| f.message)
                .collect::<Vec<_>>()
        };
        let both = with.to_owned() + without;
        assert_eq!(
            messages(&both, &Settings::default()),
            ["1 of 2 rows have no system instruction"]
        );
        assert!(!report_on(with).codes.contains_key("system_missing_in_some"));
        assert!(
            !report_on(without)
                .codes
                .contains_key("system_missing_in_some")
        );
        let filled = Settings {
            system_instruction: Some("s".to_owned()),
            ..Settings::default()
        };
        assert!(messages(&both, &filled).is_empty());
    }
}
