//! Counts the languages of the answers, and finds rows that differ from most.

use std::collections::BTreeMap;

use whatlang::Lang;

use crate::{
    findings::Findings, row_span::RowPosition, rule::Fault, rules::language_mismatch::RULE,
    severity::Severity,
};

/// Share of rows in one language, in percent, from which rows in others look like mistakes.
const MOST_PERCENT: u64 = 80;

/// Most rows remembered of a language: which one prevails is known only at the end.
const LISTED_MAX: usize = 100;

/// Most languages in a report; rarer ones are mostly wrong guesses.
const REPORTED_MAX: usize = 20;

/// The languages so far.
#[derive(Debug, Default)]
pub(super) struct LanguageCounts {
    /// By language code: the number of rows, and the first of them.
    rows: BTreeMap<&'static str, (u64, Vec<RowPosition>)>,
}

impl LanguageCounts {
    /// Counts a row whose answer is in `language`.
    pub(super) fn count(&mut self, language: Lang, position: RowPosition) {
        let (count, first) = self.rows.entry(language.code()).or_default();
        *count += 1;
        if first.len() < LISTED_MAX {
            first.push(position);
        }
    }

    /// The findings about rows that differ from most.
    pub(super) fn findings(&self, severity: Severity, findings_max: usize) -> Findings {
        let mut findings = Findings::new(findings_max);
        let all: u64 = self.rows.values().map(|(count, _)| count).sum();
        let most = self.rows.iter().max_by_key(|(_, (count, _))| *count);
        let Some((most, _)) = most.filter(|(_, (count, _))| count * 100 >= all * MOST_PERCENT)
        else {
            return findings;
        };
        let mut others: Vec<(RowPosition, &str)> = Vec::new();
        for (code, (count, first)) in self.rows.iter().filter(|(code, _)| *code != most) {
            findings.count_unlisted(&RULE, count - u64::try_from(first.len()).unwrap_or(*count));
            others.extend(first.iter().map(|position| (*position, *code)));
        }
        others.sort_unstable_by_key(|(position, code)| (position.order(), *code));
        for (position, code) in others {
            let message = format!("the answer is in `{code}`, most are in `{most}`");
            findings.add_at(Fault::new(&RULE).with_message(message), severity, position);
        }
        findings
    }

    /// Rows by language, the most frequent ones only.
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
