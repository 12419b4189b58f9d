//! What a recipe may say about cleaning: its `[clean]` table.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    formats::columns::Columns,
    rule::{Rule, Scan},
    rules::{self, train_eval_leak},
    severity::Severity,
    template::Template,
};

/// Largest share of validation rows a recipe may ask for, in percent: the tuning service refuses
/// more than 30 % of the training rows, which is 23 % of all.
const VALIDATION_PERCENT_MAX: u8 = 23;

/// How a dataset is cleaned and split. Same bytes, same settings: same result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Fewest words of an answer that is not a label; default 3.
    pub output_words_min: u32,
    /// Rows held out for comparing base and tuned model; at most a tenth of the rows are taken;
    /// default 200.
    pub eval_rows: u32,
    /// Rows the tuning job validates on, in percent of the kept rows, 0 to 23; default 10.
    pub validation_percent: u8,
    /// Chooses another split of the same rows; default 0.
    pub seed: u64,
    /// Put before every row that has no system instruction of its own; default none.
    pub system_instruction: Option<String>,
    /// Put around the question of every row that is one question and one answer, at `{input}`,
    /// which it has once; not around rows that are Gemini's already; default none.
    pub template: Option<String>,
    /// Columns of the rows by the names of ours that they stand for: `input`, `output`, `label`,
    /// `system`, `instruction`, `history`, `messages`, `conversations`, `contents`, `tools`.
    /// Rows that lack one are rejected; default empty: each row's format is told by its keys.
    pub columns: BTreeMap<String, String>,
    /// What a rule does, by its code, where that differs from the rule's own severity; default
    /// empty.
    pub severities: BTreeMap<String, Severity>,
    /// What every text is searched for beyond the common rules, which costs time; default none.
    pub scan: BTreeSet<Scan>,
    /// Most findings listed one by one, the most severe first; counts are never cut; default 1000.
    pub findings_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            output_words_min: 3,
            eval_rows: 200,
            validation_percent: 10,
            seed: 0,
            system_instruction: None,
            template: None,
            columns: BTreeMap::new(),
            severities: BTreeMap::new(),
            scan: BTreeSet::new(),
            findings_max: 1_000,
        }
    }
}

/// A rule as it was applied to a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// That of the rule.
    pub version: u16,
    /// What it did.
    pub severity: Severity,
}

impl Settings {
    /// Whether a cleaning can go by these settings.
    ///
    /// # Errors
    /// [`Error::Settings`] with every fault, not only the first.
    pub fn check(&self) -> Result<(), Error> {
        let mut faults = Vec::new();
        if self.validation_percent > VALIDATION_PERCENT_MAX {
            faults.push(format!(
                "`validation_percent` is {}, the most is {VALIDATION_PERCENT_MAX}",
                self.validation_percent
            ));
        }
        faults.extend(Columns::of(&self.columns).err());
        let template = self.template.as_deref().map(Template::of);
        faults.extend(template.and_then(Result::err));
        for (code, severity) in &self.severities {
            match rules::of_code(code) {
                None => faults.push(format!("no rule is called `{code}`")),
                Some(rule) if *severity == Severity::Repair && !rule.repairs() => {
                    faults.push(format!("rule `{code}` has no repair"));
                }
                Some(rule)
                    if *severity == Severity::Reject
                        && (matches!(rule.scan(), Some(Scan::Language | Scan::NearDuplicates))
                            || rule.is_about_the_file()
                            || rule.code == train_eval_leak::RULE.code) =>
                {
                    faults.push(format!("rule `{code}` only tells: it rejects no row"));
                }
                Some(rule) if rule.binding && *severity != Severity::Reject => {
                    faults.push(format!("rule `{code}` always rejects: {}", rule.doc));
                }
                Some(rule) if *severity == Severity::Off && rule.severity == Severity::Repair => {
                    faults.push(format!(
                        "rule `{code}` mends while it reads, and is never off"
                    ));
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

    /// Every rule that this code has, by its code, and what it does under these settings.
    pub fn rules(&self) -> BTreeMap<&'static str, Applied> {
        let applied = |rule: &'static Rule| {
            let applied = Applied {
                version: rule.version,
                severity: self.severity(rule),
            };
            (rule.code, applied)
        };
        rules::rules().map(applied).collect()
    }

    /// What `rule` does under these settings: what they say of it; else, if it belongs to a scan
    /// that they do not ask for, nothing; else its own severity.
    pub fn severity(&self, rule: &Rule) -> Severity {
        let said = self.severities.get(rule.code).copied();
        let asked = rule.scan().is_none_or(|scan| self.scan.contains(&scan));
        let own = if asked { rule.severity } else { Severity::Off };
        said.unwrap_or(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(table: &str, expected: &str) {
        let settings: Settings = toml::from_str(table).unwrap();
        let said = settings
            .check()
            .map_or_else(|e| e.to_string(), |()| String::new());
        assert!(said.contains(expected), "{table}: {said}");
        assert_eq!(said.is_empty(), expected.is_empty(), "{table}: {said}");
    }

    #[test]
    fn every_fault_of_the_settings_is_named() {
        check("", "");
        check("validation_percent = 23", "");
        check("validation_percent = 24", "the most is 23");
        check(
            "severities = { short_output = 'warn', delimiters = 'reject' }",
            "",
        );
        check("template = 'Label: {input}'", "");
        check("template = 'Label:'", "`template` has no `{input}`");
        check("template = '{input}{input}'", "`{input}` 2 times");
        check("columns = { input = 'q', output = 'a' }", "");
        check("columns = { input = 'q' }", "map `input` and `output`");
        check("severities = { shrt = 'warn' }", "no rule is called `shrt`");
        check(
            "severities = { invalid_json = 'warn' }",
            "`invalid_json` always rejects",
        );
        check("severities = { short_output = 'repair' }", "has no repair");
        check(
            "severities = { short_output = 'off', trim = 'note', duplicate = 'off' }",
            "",
        );
        check(
            "severities = { empty_output = 'off' }",
            "`empty_output` always rejects",
        );
        check("severities = { trim = 'off' }", "is never off");
        check("severities = { near_duplicate = 'reject' }", "only tells");
        check("severities = { train_eval_leak = 'reject' }", "only tells");
        check("severities = { few_rows = 'reject' }", "only tells");
        check(
            "severities = { pii_email = 'repair', pii_ip = 'reject' }",
            "",
        );
        check(
            "validation_percent = 99\nseverities = { nope = 'note' }",
            "the most is 23; no rule is called `nope`",
        );
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let refused = toml::from_str::<Settings>("evalrows = 3").unwrap_err();
        assert!(refused.to_string().contains("unknown field `evalrows`"));
        let refused = toml::from_str::<Settings>("scan = ['pi']").unwrap_err();
        let expected =
            "unknown variant `pi`, expected one of `pii`, `secrets`, `language`, `near_duplicates`";
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}
