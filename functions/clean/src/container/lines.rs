//! Rows that are lines: cut off in whole lines, a batch at a time, without looking into them.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use super::{BATCH_BYTES, LINE_MAX_BYTES};
use crate::batch::{Batch, Cut};

/// What is left to read.
pub(super) struct Lines<R> {
    read: R,
    /// Read already: the start of a line.
    rest: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// Lines that start with `rest` and go on in `read`.
    pub(super) fn new(rest: Vec<u8>, read: R) -> Self {
        Self { read, rest }
    }

    /// Where the bytes come from, when there are no more lines.
    pub(super) fn into_reader(self) -> R {
        self.read
    }

    /// Fills `batch` with whole lines; `false` after the last.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        batch.cut = Cut::Lines;
        batch.bytes.clear();
        batch.bytes.append(&mut self.rest);
        let mut searched = 0;
        loop {
            let wanted = BATCH_BYTES
                .saturating_sub(batch.bytes.len())
                .max(BATCH_BYTES / 2);
            let ended = self.read_up_to(wanted, &mut batch.bytes)? < wanted;
            let new = batch.bytes.get(searched..).unwrap_or_default();
            if let Some(end) = memrchr(b'\n', new) {
                if !ended {
                    let end = searched + end + 1;
                    let rest = batch.bytes.get(end..).unwrap_or_default();
                    self.rest.extend_from_slice(rest);
                    batch.bytes.truncate(end);
                }
                return Ok(true);
            }
            if ended {
                return Ok(!batch.bytes.is_empty());
            }
            searched = batch.bytes.len();
            if searched > LINE_MAX_BYTES {
                batch.cut = Cut::TooLong(self.pass_over(batch)?);
                return Ok(true);
            }
        }
    }

    /// Reads on to the end of a line without holding it; its whole length.
    fn pass_over(&mut self, batch: &mut Batch) -> io::Result<u64> {
        let mut length = 0_u64;
        loop {
            length += u64::try_from(batch.bytes.len()).unwrap_or_default();
            batch.bytes.clear();
            if self.read_up_to(BATCH_BYTES, &mut batch.bytes)? == 0 {
                return Ok(length);
            }
            if let Some(end) = memchr(b'\n', &batch.bytes) {
                let rest = batch.bytes.get(end + 1..).unwrap_or_default();
                self.rest.extend_from_slice(rest);
                batch.bytes.clear();
                return Ok(length + u64::try_from(end).unwrap_or_default());
            }
        }
    }

    /// Reads `wanted` bytes; fewer only at the end.
    fn read_up_to(&mut self, wanted: usize, into: &mut Vec<u8>) -> io::Result<usize> {
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX);
        Read::by_ref(&mut self.read).take(limit).read_to_end(into)
    }
}
