//! Rows that are too many to remember are written down, and compared at the end of the pass.
//!
//! Rows that ask the same go to the same of many files, so each file can be compared by itself in
//! a small part of the memory. What comes of it is a bit for every line, by which the next pass
//! knows a repeat when it meets one.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, Write as _},
};

use super::seen::SeenSet;
use crate::dedup_index::{DedupIndex, FirstLineLimits};

/// Files the rows are spread over: one of them is in memory at a time.
const FILES: u32 = 256;

/// Bytes of a row that is written down: what it asks, what it answers, its line.
const ROW_BYTES: usize = 20;

/// Rows, written down.
pub(super) struct Spill {
    files: Vec<BufWriter<File>>,
    named: FirstLineLimits,
    /// What was known before.
    known: DedupIndex,
}

impl Spill {
    /// Files in the system's directory for passing ones. Some repeats are `known` already; what
    /// comes first is remembered of `named` lines.
    pub(super) fn new(known: DedupIndex, named: FirstLineLimits) -> io::Result<Self> {
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
    pub(super) fn compare(self) -> io::Result<DedupIndex> {
        let mut known = self.known;
        for file in self.files {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            let mut rows = read(file)?;
            rows.sort_unstable();
            let mut seen = SeenSet::default();
            for (line, input, output) in rows {
                known.note(line, seen.check(input, output, line));
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
