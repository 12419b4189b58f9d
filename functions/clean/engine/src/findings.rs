//! Counts findings without limit, and lists the most severe of them within one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::{
    finding::Finding,
    names,
    row_span::{RowNumbers, RowPosition, RowSpan, RowStatus},
    rule::{Fault, Rule},
    rules,
    severity::Severity,
};

/// First rows kept for every code.
const LINES_MAX: usize = 3;

/// What was found so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Findings {
    listed_max: usize,
    /// Severities of which earlier batches have enough: none further is listed.
    #[serde(skip)]
    enough: [bool; Severity::ALL.len()],
    #[serde(deserialize_with = "names::interned_keys")]
    codes: BTreeMap<&'static str, RuleTally>,
    /// A list for each of [`Severity::ALL`].
    listed: [Vec<Finding>; Severity::ALL.len()],
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct RuleTally {
    count: u64,
    /// The numbers of the first rows.
    lines: Vec<u64>,
    /// The first finding of a code is listed before any second one: a frequent finding must not
    /// hide the rare one that explains it.
    first: Option<Finding>,
    unlisted: bool,
}

/// The severities of which the batches so far have as many findings as are listed at all.
///
/// Shared by those who process later batches: most findings of a large file need not be described.
#[derive(Debug, Default)]
pub(crate) struct EnoughFindings([AtomicBool; Severity::ALL.len()]);

/// Counts findings, batch by batch.
#[derive(Debug, Default)]
pub(crate) struct ListedCounts {
    counts: [usize; Severity::ALL.len()],
    pub(crate) enough: Arc<EnoughFindings>,
}

impl ListedCounts {
    /// Counts the findings of the next batch.
    pub(crate) fn add(&mut self, findings: &Findings) {
        let lists = self.counts.iter_mut().zip(&findings.listed);
        for ((count, listed), enough) in lists.zip(&self.enough.0) {
            *count += listed.len();
            if *count >= findings.listed_max {
                enough.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The counts, and the findings that are listed.
pub(super) struct FindingsSummary {
    /// How often each code was found.
    pub(super) codes: BTreeMap<String, u64>,
    /// The numbers of the first rows with each code.
    pub(super) lines: BTreeMap<String, Vec<u64>>,
    /// The most severe findings, by line.
    pub(super) findings: Vec<Finding>,
    /// How many findings are counted and not listed, except those that never are.
    pub(super) omitted: u64,
}

impl Findings {
    /// Lists at most `listed_max` findings.
    pub(crate) fn new(listed_max: usize) -> Self {
        Self {
            listed_max,
            ..Self::default()
        }
    }

    /// Lists none of the severities of which there are enough.
    pub(crate) fn leave_out(&mut self, enough: &EnoughFindings) {
        for (ours, enough) in self.enough.iter_mut().zip(&enough.0) {
            *ours = enough.load(Ordering::Relaxed);
        }
    }

    /// Adds a fault of a row.
    pub(crate) fn add(&mut self, fault: Fault, severity: Severity, span: RowSpan, bytes: &[u8]) {
        if severity == Severity::Off {
            return;
        }
        let max = self.listed_max;
        let code = fault.rule.code;
        let (is_listed, is_first) = self.count(code, span.position.number());
        let has_room =
            !self.has_enough(severity) && self.list(severity).is_some_and(|list| list.len() < max);
        if !is_listed || !(is_first || has_room) {
            return;
        }
        let finding = fault.into_finding(severity, span, bytes);
        if is_first && let Some(tally) = self.codes.get_mut(code) {
            tally.first = Some(finding.clone());
        }
        if has_room && let Some(list) = self.list(severity) {
            list.push(finding);
        }
    }

    /// Adds a fault of the row at `position`, or of the whole file.
    pub(crate) fn add_at(&mut self, fault: Fault, severity: Severity, position: RowPosition) {
        let span = RowSpan {
            position,
            column: 1,
            length: 0,
            status: RowStatus::Whole,
        };
        self.add(fault, severity, span, &[]);
    }

    /// Counts faults on further lines without listing them.
    pub(super) fn count_unlisted(&mut self, rule: &'static Rule, count: u64) {
        if count > 0 {
            self.codes.entry(rule.code).or_default().count += count;
        }
    }

    /// Adds the findings of a later batch: `other` counts its lines from `base`.
    pub(super) fn merge(&mut self, other: &Self, base: u64) {
        for (code, theirs) in &other.codes {
            let ours = self.codes.entry(code).or_default();
            ours.count += theirs.count;
            ours.unlisted |= theirs.unlisted;
            ours.lines
                .extend(theirs.lines.iter().map(|line| base + line));
            ours.lines.sort_unstable();
            ours.lines.truncate(LINES_MAX);
            let theirs = theirs.first.clone().map(|finding| moved(finding, base));
            let both = ours.first.take().into_iter().chain(theirs);
            ours.first = both.min_by_key(order);
        }
        for (ours, theirs) in self.listed.iter_mut().zip(&other.listed) {
            // Batches come in order: once a list is full, later findings change nothing.
            let last = ours.last().filter(|_| ours.len() >= self.listed_max);
            let listed = |finding: &Finding| {
                let position = finding.position().below(base);
                last.is_none_or(|last| position.order() < order(last))
            };
            if !theirs.iter().any(listed) {
                continue;
            }
            ours.extend(theirs.iter().cloned().map(|finding| moved(finding, base)));
            ours.sort_by_key(order);
            ours.truncate(self.listed_max);
        }
    }

    /// Chooses which findings are listed.
    pub(super) fn close(self, numbers: &RowNumbers) -> FindingsSummary {
        let listable = self.codes.values().filter(|tally| !tally.unlisted);
        let found: u64 = listable.map(|tally| tally.count).sum();
        let firsts = self.codes.values().filter_map(|tally| tally.first.clone());
        let mut findings: Vec<Finding> = firsts.collect();
        findings.sort_by_key(|finding| (finding.severity, order(finding)));
        let firsts = findings.len();
        for finding in self.listed.into_iter().flatten() {
            if findings.len() >= self.listed_max {
                break;
            }
            if !findings.iter().take(firsts).any(|first| *first == finding) {
                findings.push(finding);
            }
        }
        findings.truncate(self.listed_max);
        findings.sort_by_key(|finding| (order(finding), finding.column));
        let findings = findings.into_iter().map(|finding| finding.placed(numbers));
        let findings: Vec<Finding> = findings.collect();
        let listed = u64::try_from(findings.len()).unwrap_or(u64::MAX);
        let (mut codes, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for (code, tally) in self.codes {
            codes.insert(code.to_owned(), tally.count);
            lines.insert(code.to_owned(), tally.lines);
        }
        FindingsSummary {
            codes,
            lines,
            findings,
            omitted: found.saturating_sub(listed),
        }
    }

    /// Counts a fault; returns whether its code is listed, and whether it is the first.
    fn count(&mut self, code: &'static str, number: u64) -> (bool, bool) {
        let tally = self.codes.entry(code).or_default();
        tally.count += 1;
        if tally.lines.len() < LINES_MAX {
            tally.lines.push(number);
        }
        // Half of all rows are trimmed; a list of them is of no use.
        tally.unlisted = code == rules::trim::RULE.code;
        (!tally.unlisted, tally.first.is_none())
    }

    fn has_enough(&self, severity: Severity) -> bool {
        let mut all = Severity::ALL.iter().zip(self.enough);
        all.any(|(other, enough)| enough && *other == severity)
    }

    fn list(&mut self, severity: Severity) -> Option<&mut Vec<Finding>> {
        let [rejected, warned, repaired, noted] = &mut self.listed;
        match severity {
            Severity::Reject => Some(rejected),
            Severity::Warn => Some(warned),
            Severity::Repair => Some(repaired),
            Severity::Note => Some(noted),
            Severity::Off => None,
        }
    }
}

/// The same finding, `base` lines further down.
fn moved(finding: Finding, base: u64) -> Finding {
    Finding {
        line: finding.position().below(base).line,
        ..finding
    }
}

fn order(finding: &Finding) -> (u64, u32) {
    finding.position().order()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64) -> RowPosition {
        RowPosition::of_line(line)
    }

    #[test]
    fn what_later_batches_leave_out_would_not_be_listed() {
        let list = |is_told: bool| {
            let mut findings = Findings::new(3);
            let mut counts = ListedCounts::default();
            for batch in 0..4 {
                let mut further = Findings::new(3);
                if is_told {
                    further.leave_out(&counts.enough);
                }
                for line in 1..=2 + batch {
                    further.add_at(
                        Fault::new(&rules::duplicate::RULE),
                        Severity::Reject,
                        at(line),
                    );
                }
                if batch > 1 {
                    further.add_at(Fault::new(&rules::delimiters::RULE), Severity::Note, at(7));
                    further.add_at(
                        Fault::new(&rules::short_output::RULE),
                        Severity::Reject,
                        at(8),
                    );
                }
                counts.add(&further);
                findings.merge(&further, batch * 10);
            }
            let closed = findings.close(&RowNumbers::Line);
            (closed.codes, closed.lines, closed.findings, closed.omitted)
        };
        assert_eq!(list(true), list(false));
    }

    #[test]
    fn what_explains_a_file_is_not_crowded_out() {
        let mut findings = Findings::new(3);
        for batch in 0..4 {
            let mut further = Findings::new(3);
            for line in 1..=10 {
                further.add_at(
                    Fault::new(&rules::duplicate::RULE),
                    Severity::Reject,
                    at(line),
                );
            }
            further.add_at(Fault::new(&rules::delimiters::RULE), Severity::Note, at(7));
            findings.merge(&further, batch * 10);
        }
        findings.add_at(
            Fault::new(&rules::expands_too_much::RULE),
            Severity::Reject,
            RowPosition::FILE,
        );
        let closed = findings.close(&RowNumbers::Line);
        let listed = closed.findings.iter();
        let listed: Vec<_> = listed.map(|f| (f.line, f.code.as_ref())).collect();
        let expected = [(0, "expands_too_much"), (1, "duplicate"), (7, "delimiters")];
        assert_eq!(listed, expected);
        assert_eq!(closed.omitted, 45 - 3);
    }

    #[test]
    fn the_most_severe_are_listed_and_all_are_counted() {
        let mut findings = Findings::new(2);
        for line in 1..=3 {
            findings.add_at(
                Fault::new(&rules::delimiters::RULE),
                Severity::Note,
                at(line),
            );
        }
        findings.add_at(
            Fault::new(&rules::invalid_json::RULE),
            Severity::Reject,
            at(4),
        );
        let mut other = Findings::new(2);
        other.add_at(
            Fault::new(&rules::short_output::RULE),
            Severity::Reject,
            at(2),
        );
        other.add_at(Fault::new(&rules::trim::RULE), Severity::Repair, at(2));
        findings.merge(&other, 0);
        let closed = findings.close(&RowNumbers::Line);
        let listed: Vec<_> = closed
            .findings
            .iter()
            .map(|f| (f.line, f.code.as_ref()))
            .collect();
        assert_eq!(listed, [(2, "short_output"), (4, "invalid_json")]);
        assert_eq!(closed.codes["delimiters"], 3);
        assert_eq!(closed.lines["delimiters"], [1, 2, 3]);
        assert_eq!(closed.omitted, 3);
    }
}
