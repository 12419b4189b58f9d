//! What a recipe can set about cleaning: its `[clean]` table.

mod check;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::{
    rule::{Rule, Scan},
    rules,
    severity::Severity,
};

/// Hexadecimal digits of a prompt's version: 48 bits are enough for the prompts of one team.
const VERSION_DIGITS: usize = 12;

/// How a dataset is cleaned and split. The same bytes and settings give the same result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Fewest words of an answer that is not a label; default 3.
    pub output_words_min: u32,
    /// Rows held out for comparing base and tuned model; at most a tenth of the rows are taken;
    /// default 200.
    pub eval_rows: u32,
    /// Rows that the tuning job validates on, in percent of the kept rows, 0 to 23; default 10.
    pub validation_percent: u8,
    /// Chooses another split of the same rows; default 0.
    pub seed: u64,
    /// Added to every row that has no system instruction of its own; default none.
    pub system_instruction: Option<String>,
    /// Put around the question of every row of one question and one answer, in place of `{input}`,
    /// which occurs once; not around rows in Gemini's format; default none.
    pub template: Option<String>,
    /// Columns of the rows, by our names for them: `input`, `output`, `label`, `system`,
    /// `instruction`, `history`, `messages`, `conversations`, `contents`, `tools`. Rows that lack
    /// one are rejected; default empty: the keys of each row determine its format.
    pub columns: BTreeMap<String, String>,
    /// The character encoding of the file, by its name in the Encoding Standard; default none: UTF-8, or
    /// UTF-16 by its mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Rows whose score is lower are left out; default none: scores are reported and not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_min: Option<f64>,
    /// The labels that answers must be one of; default empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The least and the most characters of an answer; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_chars: Option<[u64; 2]>,
    /// The language of the answers, by its code (ISO 639); answers whose language is not certain are
    /// kept; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// A schema that answers, which are JSON then, must fit; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<toml::Table>,
    /// Most rows left out, in percent, above which the version waits for a person; default none: what
    /// the policy says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_percent_max: Option<f64>,
    /// Whether a column that names splits places the rows, or the draw places them all; default
    /// `column`.
    #[serde(skip_serializing_if = "SplitBy::is_column")]
    pub split_by: SplitBy,
    /// Severities by the code of a rule, where they differ from the rule's own; default empty.
    pub severities: BTreeMap<String, Severity>,
    /// Searches beyond the common rules, which take time; secrets are always looked for; default none.
    pub scan: BTreeSet<Scan>,
    /// Most findings that are listed, the most severe first; counts are always complete; default
    /// 1000.
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
            encoding: None,
            score_min: None,
            labels: Vec::new(),
            output_chars: None,
            language: None,
            output_schema: None,
            rejected_percent_max: None,
            split_by: SplitBy::Column,
            severities: BTreeMap::new(),
            scan: BTreeSet::new(),
            findings_max: 1_000,
        }
    }
}

/// What places rows in splits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The column of a row that names its split, where there is one; otherwise the draw.
    #[default]
    Column,
    /// The draw alone.
    Draw,
}

impl SplitBy {
    /// Whether a column places rows.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it like this"
    )]
    fn is_column(&self) -> bool {
        *self == Self::Column
    }
}

/// A rule as it was applied to a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AppliedRule {
    /// The version of the rule.
    pub version: u16,
    /// What it did.
    pub severity: Severity,
}

impl Settings {
    /// Every rule, by its code, and what it does under these settings.
    pub fn rules(&self) -> BTreeMap<&'static str, AppliedRule> {
        let applied = |rule: &'static Rule| {
            let applied = AppliedRule {
                version: rule.version,
                severity: self.severity(rule),
            };
            (rule.code, applied)
        };
        rules().map(applied).collect()
    }

    /// What `rule` does under these settings: what they set for it; otherwise nothing, if it
    /// belongs to a scan that must be asked for and is not; otherwise its own severity.
    pub fn severity(&self, rule: &Rule) -> Severity {
        let set = self.severities.get(rule.code).copied();
        let asked = rule
            .scan()
            .is_none_or(|scan| scan.is_always_on() || self.scan.contains(&scan));
        let own = if asked { rule.severity } else { Severity::Off };
        set.unwrap_or(own)
    }

    /// The encoding that a recipe names; `None` where it is none that is known.
    pub(crate) fn encoding(&self) -> Option<&'static encoding_rs::Encoding> {
        let name = self.encoding.as_deref()?;
        encoding_rs::Encoding::for_label(name.as_bytes())
    }

    /// Whether a recipe says how long or of what form answers are, so that none is too short.
    pub(crate) fn expects_form(&self) -> bool {
        self.output_chars.is_some() || self.output_schema.is_some()
    }

    /// The version of the prompt: a digest of template and system instruction. `None` where a
    /// recipe has neither.
    pub fn template_version(&self) -> Option<String> {
        if self.template.is_none() && self.system_instruction.is_none() {
            return None;
        }
        let mut digest = XxHash3_128::new();
        for text in [&self.template, &self.system_instruction] {
            // The length keeps an absent text apart from an empty one, and marks where one text
            // ends.
            let text = text.as_deref().map(str::trim);
            let length = text.map_or(u64::MAX, |text| u64::try_from(text.len()).unwrap_or(0));
            digest.write(&length.to_le_bytes());
            digest.write(text.unwrap_or_default().as_bytes());
        }
        let mut version = format!("{:032x}", digest.finish_128());
        version.truncate(VERSION_DIGITS);
        Some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_refused() {
        let refused = toml::from_str::<Settings>("evalrows = 3").unwrap_err();
        assert!(refused.to_string().contains("unknown field `evalrows`"));
        let refused = toml::from_str::<Settings>("scan = ['pi']").unwrap_err();
        let expected =
            "unknown variant `pi`, expected one of `pii`, `secrets`, `language`, `near_duplicates`";
        assert!(refused.to_string().contains(expected), "{refused}");
    }

    #[test]
    fn a_version_is_of_template_and_instruction() {
        let of = |template: Option<&str>, system: Option<&str>| {
            let settings = Settings {
                template: template.map(str::to_owned),
                system_instruction: system.map(str::to_owned),
                ..Settings::default()
            };
            settings.template_version()
        };
        assert_eq!(of(None, None), None);
        let versions = [
            of(Some("a {input}"), None),
            of(Some("b {input}"), None),
            of(Some("a {input}"), Some("s")),
            of(None, Some("s")),
            of(None, Some("a {input}")),
        ];
        for (index, version) in versions.iter().enumerate() {
            assert_eq!(version.as_ref().unwrap().len(), VERSION_DIGITS);
            assert!(!versions[..index].contains(version), "{versions:?}");
        }
        assert_eq!(of(Some(" a {input}\n"), None), versions[0]);
    }
}
