//! Which rows repeat or contradict an earlier one, by their lines.
//!
//! A pass that runs out of memory for distinct rows cannot tell. It compares them on disk at its
//! end, and hands this index, a bit or two for each line, to the next pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{rules, settings::Settings, severity::Severity};

/// What a row is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Nothing like it was seen.
    New,
    /// The row of this line says the same.
    Repeat(u32),
    /// The row of this line asks the same and was the first to; it is answered in another way.
    Contradiction(u32),
}

/// What rows are to those before them, known beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DedupIndex {
    repeats: LineSet,
    contradictions: LineSet,
}

/// Some lines of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LineSet {
    /// A bit for every line, 64 to a word.
    bits: Vec<u64>,
    /// The line that came first, for as many as will be listed.
    firsts: BTreeMap<u32, u32>,
}

/// For how many lines of a kind it is remembered what came first: it will be told of no more.
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
            // All answers to such a question are left out, the first one too: its line is among the
            // first even where that of the other is not.
            contradictions: if rejects {
                usize::MAX
            } else {
                settings.findings_max
            },
        }
    }
}

impl DedupIndex {
    /// Notes what the row of `line` is to those before it.
    pub(crate) fn note(&mut self, line: u32, lookup: Lookup) {
        match lookup {
            Lookup::New => {}
            Lookup::Repeat(first) => self.repeats.insert(line, first),
            Lookup::Contradiction(first) => self.contradictions.insert(line, first),
        }
    }

    /// Remembers what came first for so many lines only.
    pub(crate) fn forget_beyond(&mut self, named: FirstLineLimits) {
        self.repeats.forget_beyond(named.repeats);
        self.contradictions.forget_beyond(named.contradictions);
    }

    /// What the row of `line` is to those before it.
    pub(crate) fn check(&self, line: u32) -> Lookup {
        if let Some(first) = self.repeats.first_of(line) {
            Lookup::Repeat(first)
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

    fn forget_beyond(&mut self, named_max: usize) {
        while self.firsts.len() > named_max {
            self.firsts.pop_last();
        }
    }

    /// The line that came before `line`, if it is one of these: 0 where nobody will ask.
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
