//! Rows that are too many to remember are written down, and compared at the end of the pass.
//!
//! Rows that ask the same go to the same of many files, so each file can be compared by itself in
//! a small part of the memory. What comes of it is a bit for every line, by which the next pass
//! knows a repeat when it meets one.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, Write as _},
};

use serde::{Deserialize, Serialize};

use super::seen::{Meeting, Seen};
use crate::{rules, settings::Settings, severity::Severity};

/// Files the rows are spread over: one of them is in memory at a time.
const FILES: u32 = 256;

/// Bytes of a row that is written down: what it asks, what it answers, its line.
const ROW_BYTES: usize = 20;

/// Rows, written down.
pub(super) struct Spill {
    files: Vec<BufWriter<File>>,
    named: Named,
    /// What was known before.
    known: Known,
}

/// For how many lines of a kind it is remembered what came first: it will be told of no more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    repeats: usize,
    contradictions: usize,
}

impl Named {
    pub(super) fn of(settings: &Settings) -> Self {
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

/// What rows are to those before them, known beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    repeats: Lines,
    contradictions: Lines,
}

/// Some lines of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lines {
    /// A bit for every line, 64 to a word.
    bits: Vec<u64>,
    /// The line that came first, for as many as will be listed.
    firsts: BTreeMap<u32, u32>,
}

impl Spill {
    /// Files in the system's directory for passing ones. Some repeats are `known` already; what
    /// comes first is remembered of `named` lines.
    pub(super) fn new(known: Known, named: Named) -> io::Result<Self> {
        let file = |_| Ok(BufWriter::with_capacity(16 << 10, tempfile::tempfile()?));
        Ok(Self {
            files: (0..FILES).map(file).collect::<io::Result<_>>()?,
            named,
            known,
        })
    }

    /// Writes a row down.
    pub(super) fn add(&mut self, input: u64, output: u64, line: u32) -> io::Result<()> {
        // The highest byte: tables use it as well, but not to choose among files.
        let [.., high] = input.to_le_bytes();
        let Some(file) = self.files.get_mut(usize::from(high)) else {
            return Ok(());
        };
        file.write_all(&input.to_le_bytes())?;
        file.write_all(&output.to_le_bytes())?;
        file.write_all(&line.to_le_bytes())
    }

    /// Compares all rows.
    pub(super) fn compare(self) -> io::Result<Known> {
        let mut known = self.known;
        for file in self.files {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            let mut rows = read(file)?;
            rows.sort_unstable();
            let mut seen = Seen::default();
            for (line, input, output) in rows {
                known.note(line, seen.meet(input, output, line));
            }
            known.forget_beyond(self.named);
        }
        Ok(known)
    }
}

/// The rows written to `file`: their lines, what they ask, what they answer.
fn read(mut file: File) -> io::Result<Vec<(u32, u64, u64)>> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (rows, _) = bytes.as_chunks::<ROW_BYTES>();
    let word = |row: &[u8; ROW_BYTES], at: usize| {
        let word = row.get(at..).and_then(|rest| rest.first_chunk());
        u64::from_le_bytes(word.copied().unwrap_or_default())
    };
    let row = |row: &[u8; ROW_BYTES]| {
        let line = row.last_chunk().copied().unwrap_or_default();
        (u32::from_le_bytes(line), word(row, 0), word(row, 8))
    };
    Ok(rows.iter().map(row).collect())
}

impl Known {
    /// Notes what the row of `line` is to those before it.
    pub(super) fn note(&mut self, line: u32, meeting: Meeting) {
        match meeting {
            Meeting::New => {}
            Meeting::Repeat(first) => self.repeats.insert(line, first),
            Meeting::Contradiction(first) => self.contradictions.insert(line, first),
        }
    }

    /// Remembers what came first for so many lines only.
    pub(super) fn forget_beyond(&mut self, named: Named) {
        self.repeats.forget_beyond(named.repeats);
        self.contradictions.forget_beyond(named.contradictions);
    }

    /// What the row of `line` is to those before it.
    pub(super) fn meet(&self, line: u32) -> Meeting {
        if let Some(first) = self.repeats.first_of(line) {
            Meeting::Repeat(first)
        } else if let Some(first) = self.contradictions.first_of(line) {
            Meeting::Contradiction(first)
        } else {
            Meeting::New
        }
    }
}

impl Lines {
    fn insert(&mut self, line: u32, first: u32) {
        let (word, bit) = place(line);
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
        let (word, bit) = place(line);
        let is = self.bits.get(word).is_some_and(|word| word & bit != 0);
        is.then(|| self.firsts.get(&line).copied().unwrap_or_default())
    }
}

fn place(line: u32) -> (usize, u64) {
    let word = usize::try_from(line / u64::BITS).unwrap_or(usize::MAX);
    (word, 1 << (line % u64::BITS))
}
