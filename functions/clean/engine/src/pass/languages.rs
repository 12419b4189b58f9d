//! Which languages the rows answer in, and which rows differ from most.

use std::collections::BTreeMap;

use whatlang::Lang;

use crate::{findings::Findings, rule::Fault, rules::language_mismatch::RULE, severity::Severity};

/// Share of rows in one language from which the others are no choice, in percent.
const MOST_PERCENT: u64 = 80;

/// Most rows of a language that are listed: which language most are in is known at the end only.
const LISTED_MAX: usize = 100;

/// Most languages of a report; more are those of chance.
const REPORTED_MAX: usize = 20;

/// The languages so far.
#[derive(Debug, Default)]
pub(super) struct LanguageCounts {
    /// By code: how many rows, and their first lines.
    rows: BTreeMap<&'static str, (u64, Vec<u64>)>,
}

impl LanguageCounts {
    /// Counts a row that answers in `language`.
    pub(super) fn count(&mut self, language: Lang, line: u64) {
        let (count, lines) = self.rows.entry(language.code()).or_default();
        *count += 1;
        if lines.len() < LISTED_MAX {
            lines.push(line);
        }
    }

    /// Tells of the rows that differ from most.
    pub(super) fn tell(&self, severity: Severity, findings_max: usize) -> Findings {
        let mut findings = Findings::new(findings_max);
        let all: u64 = self.rows.values().map(|(count, _)| count).sum();
        let most = self.rows.iter().max_by_key(|(_, (count, _))| *count);
        let Some((most, _)) = most.filter(|(_, (count, _))| count * 100 >= all * MOST_PERCENT)
        else {
            return findings;
        };
        let mut others: Vec<(u64, &str)> = Vec::new();
        for (code, (count, lines)) in self.rows.iter().filter(|(code, _)| *code != most) {
            findings.count_unlisted(&RULE, count - u64::try_from(lines.len()).unwrap_or(*count));
            others.extend(lines.iter().map(|line| (*line, *code)));
        }
        others.sort_unstable();
        for (line, code) in others {
            let message = format!("the answer is in `{code}`, most are in `{most}`");
            findings.add_at(Fault::new(&RULE).saying(message), severity, line);
        }
        findings
    }

    /// Rows by language, of those that come most often.
    pub(super) fn report(&self) -> BTreeMap<String, u64> {
        let mut rows: Vec<(&str, u64)> = self
            .rows
            .iter()
            .map(|(code, (count, _))| (*code, *count))
            .collect();
        rows.sort_by_key(|(_, count)| u64::MAX - count);
        let most = rows.into_iter().take(REPORTED_MAX);
        most.map(|(code, count)| (code.to_owned(), count)).collect()
    }
}
