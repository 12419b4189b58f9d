//! Compares rows on disk that do not fit into memory, at the end of the pass.
//!
//! Rows with the same question go to the same of many files, so each file can be compared on its
//! own in little memory. The result is a bit for each line, by which the next pass recognises
//! repeats.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Seek as _, Write as _},
};

use super::seen::SeenSet;
use crate::dedup_index::{DedupIndex, FirstLineLimits};

/// Files that rows are spread over; they are read into memory one at a time.
const FILES: u32 = 256;

/// Bytes of a row on disk: question, answer and line.
const ROW_BYTES: usize = 20;

/// Rows on disk.
pub(super) struct Spill {
    files: Vec<BufWriter<File>>,
    limits: FirstLineLimits,
    /// Repeats found before memory ran out.
    known: DedupIndex,
}

impl Spill {
    /// Creates temporary files. `known` are the repeats found so far; `limits` limits how many first
    /// lines are kept.
    pub(super) fn new(known: DedupIndex, limits: FirstLineLimits) -> io::Result<Self> {
        let file = |_| Ok(BufWriter::with_capacity(16 << 10, tempfile::tempfile()?));
        Ok(Self {
            files: (0..FILES).map(file).collect::<io::Result<_>>()?,
            limits,
            known,
        })
    }

    /// Writes a row to disk.
    pub(super) fn add(&mut self, input: u64, output: u64, line: u32) -> io::Result<()> {
        // The highest byte: shards are chosen by others, so the rows of a file spread over all.
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
            known.forget_beyond(self.limits);
        }
        Ok(known)
    }
}

/// The rows in `file`: line, question and answer.
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
