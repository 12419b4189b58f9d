//! Which rows repeat or contradict an earlier one, by line.
//!
//! A pass whose distinct rows exceed the memory budget cannot find all repeats. It compares the
//! rows on disk at its end, and hands this index, a bit or two for each line, to the next pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{rules, settings::Settings, severity::Severity};

/// How a row relates to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// It is new.
    New,
    /// The row on this line has the same question and answer.
    Repeat(u32),
    /// The row on this line has the same question, written differently, and the same answer.
    Rewritten(u32),
    /// The row on this line was the first with this question, and has another answer.
    Contradiction(u32),
}

/// How rows relate to those before them, for a whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DedupIndex {
    repeats: LineSet,
    rewritten: LineSet,
    contradictions: LineSet,
}

/// A set of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LineSet {
    /// A bit for each line, 64 to a word.
    bits: Vec<u64>,
    /// The first line with the same content, for as many lines as are listed in findings.
    firsts: BTreeMap<u32, u32>,
}

/// For how many lines the first line with the same content is kept: findings list no more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstLineLimits {
    repeats: usize,
    contradictions: usize,
}

impl FirstLineLimits {
    pub(crate) fn of(settings: &Settings) -> Self {
        let rejects = settings.severity(&rules::contradiction::RULE) == Severity::Reject;
        Self {
            repeats: settings.findings_max,
            // All rows with such a question are rejected, the first one included. It must be known
            // even where the other line is not listed.
            contradictions: if rejects {
                usize::MAX
            } else {
                settings.findings_max
            },
        }
    }
}

impl DedupIndex {
    /// Records how the row on `line` relates to those before it.
    pub(crate) fn note(&mut self, line: u32, lookup: Lookup) {
        match lookup {
            Lookup::New => {}
            Lookup::Rewritten(first) => self.rewritten.insert(line, first),
            Lookup::Repeat(first) => self.repeats.insert(line, first),
            Lookup::Contradiction(first) => self.contradictions.insert(line, first),
        }
    }

    /// Forgets first lines beyond the limits.
    pub(crate) fn forget_beyond(&mut self, limits: FirstLineLimits) {
        self.repeats.forget_beyond(limits.repeats);
        self.rewritten.forget_beyond(limits.repeats);
        self.contradictions.forget_beyond(limits.contradictions);
    }

    /// How the row on `line` relates to those before it.
    pub(crate) fn check(&self, line: u32) -> Lookup {
        if let Some(first) = self.repeats.first_of(line) {
            Lookup::Repeat(first)
        } else if let Some(first) = self.rewritten.first_of(line) {
            Lookup::Rewritten(first)
        } else if let Some(first) = self.contradictions.first_of(line) {
            Lookup::Contradiction(first)
        } else {
            Lookup::New
        }
    }
}

impl LineSet {
    fn insert(&mut self, line: u32, first: u32) {
        let (word, bit) = bit_of(line);
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(word) = self.bits.get_mut(word) {
            *word |= bit;
        }
        self.firsts.insert(line, first);
    }

    fn forget_beyond(&mut self, firsts_max: usize) {
        while self.firsts.len() > firsts_max {
            self.firsts.pop_last();
        }
    }

    /// The first line with the content of `line`, if `line` is in the set; 0 where it was
    /// forgotten.
    fn first_of(&self, line: u32) -> Option<u32> {
        let (word, bit) = bit_of(line);
        let is = self.bits.get(word).is_some_and(|word| word & bit != 0);
        is.then(|| self.firsts.get(&line).copied().unwrap_or_default())
    }
}

fn bit_of(line: u32) -> (usize, u64) {
    let word = usize::try_from(line / u64::BITS).unwrap_or(usize::MAX);
    (word, 1 << (line % u64::BITS))
}
