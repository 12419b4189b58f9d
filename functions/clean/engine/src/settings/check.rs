//! Validates settings.
//!
//! In a layer above the settings themselves, since it knows the formats that columns can map to.

use super::Settings;
use crate::{
    error::Error,
    expectations::Expectations,
    formats::columns::ColumnMapping,
    rule::Scan,
    rules::{self, train_eval_leak},
    severity::Severity,
    template::Template,
};

/// Largest share of validation rows, in percent: the tuning service refuses more than 30 % of the
/// training rows, which is 23 % of all.
const VALIDATION_PERCENT_MAX: u8 = 23;

impl Settings {
    /// Validates the settings.
    ///
    /// # Errors
    /// [`Error::Settings`] with every fault, not only the first.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        if self.validation_percent > VALIDATION_PERCENT_MAX {
            faults.push(format!(
                "`validation_percent` is {}, expected at most {VALIDATION_PERCENT_MAX}",
                self.validation_percent
            ));
        }
        faults.extend(ColumnMapping::of(&self.columns).err());
        faults.extend(Expectations::of(self).err());
        if let Some(most) = self.rejected_percent_max
            && !(0.0..=100.0).contains(&most)
        {
            faults.push(format!(
                "`rejected_percent_max` is {most}, expected 0 to 100"
            ));
        }
        if let Some(name) = &self.encoding
            && self.encoding().is_none()
        {
            faults.push(format!(
                "`encoding` is \"{name}\", expected a name of the Encoding Standard, such as \"windows-1252\" \
                 or \"shift_jis\""
            ));
        }
        let template = self.template.as_deref().map(Template::of);
        faults.extend(template.and_then(Result::err));
        for (code, severity) in &self.severities {
            match rules::of_code(code) {
                None => faults.push(format!("unknown rule `{code}`")),
                Some(rule) if *severity == Severity::Repair && !rule.repairs() => {
                    faults.push(format!("rule `{code}` cannot repair rows"));
                }
                Some(rule)
                    if *severity == Severity::Reject
                        && (matches!(rule.scan(), Some(Scan::Language | Scan::NearDuplicates))
                            || rule.is_about_the_file()
                            || rule.code == train_eval_leak::RULE.code) =>
                {
                    faults.push(format!(
                        "rule `{code}` is report-only and cannot reject rows"
                    ));
                }
                Some(rule) if rule.binding && *severity != Severity::Reject => {
                    faults.push(format!("rule `{code}` always rejects: {}", rule.doc));
                }
                Some(_) => {}
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::Settings(faults.join("; ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: &str, expected: &str) {
        let settings: Settings = toml::from_str(table).unwrap();
        let message = settings
            .check()
            .map_or_else(|e| e.to_string(), |()| String::new());
        assert!(message.contains(expected), "{table}: {message}");
        assert_eq!(
            message.is_empty(),
            expected.is_empty(),
            "{table}: {message}"
        );
    }

    #[test]
    fn every_fault_of_the_settings_is_named() {
        check("", "");
        check("validation_percent = 23", "");
        check("validation_percent = 24", "expected at most 23");
        check(
            "severities = { short_output = 'warn', delimiters = 'reject' }",
            "",
        );
        check("encoding = 'cp1252'", "");
        check("encoding = 'ebcdic'", "a name of the Encoding Standard");
        check("template = 'Label: {input}'", "");
        check("template = 'Label:'", "`template` has no `{input}`");
        check("template = '{input}{input}'", "`{input}` 2 times");
        check("columns = { input = 'q', output = 'a' }", "");
        check("columns = { input = 'q' }", "map `input` and `output`");
        check("severities = { shrt = 'warn' }", "unknown rule `shrt`");
        check(
            "severities = { invalid_json = 'warn' }",
            "`invalid_json` always rejects",
        );
        check(
            "severities = { short_output = 'repair' }",
            "cannot repair rows",
        );
        check(
            "severities = { short_output = 'off', trim = 'note', duplicate = 'off' }",
            "",
        );
        check(
            "severities = { empty_output = 'off' }",
            "`empty_output` always rejects",
        );
        check("severities = { trim = 'off' }", "");
        check(
            "severities = { near_duplicate = 'reject' }",
            "is report-only",
        );
        check(
            "severities = { train_eval_leak = 'reject' }",
            "is report-only",
        );
        check("severities = { few_rows = 'reject' }", "is report-only");
        check(
            "severities = { pii_email = 'repair', pii_ip = 'reject' }",
            "",
        );
        check(
            "validation_percent = 99\nseverities = { nope = 'note' }",
            "expected at most 23; unknown rule `nope`",
        );
    }
}
