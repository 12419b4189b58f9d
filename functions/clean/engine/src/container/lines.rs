//! Rows that are lines: split off in whole lines, a batch at a time, without examining them.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use crate::{
    batch::{BATCH_BYTES, Batch, Cut},
    row_span::LINE_MAX_BYTES,
};

/// What remains to be read.
pub(super) struct LineReader<R> {
    read: R,
    /// Already read: the start of a line.
    rest: Vec<u8>,
}

impl<R: Read> LineReader<R> {
    /// Lines that start with `rest` and continue in `read`.
    pub(super) fn new(rest: Vec<u8>, read: R) -> Self {
        Self { read, rest }
    }

    /// The underlying reader, after the last line.
    pub(super) fn into_reader(self) -> R {
        self.read
    }

    /// Fills `batch` with whole lines; `false` after the last.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let page = &mut batch.bytes;
        let mut length = self.take_rest(page);
        let mut searched = 0;
        loop {
            let wanted = BATCH_BYTES.saturating_sub(length).max(BATCH_BYTES / 2);
            let count = self.read_up_to(wanted, page, length)?;
            length += count;
            let ended = count < wanted;
            let new = page.get(searched..length).unwrap_or_default();
            if let Some(last) = memrchr(b'\n', new) {
                let end = if ended { length } else { searched + last + 1 };
                self.keep(page.get(end..length));
                batch.cut = Cut::Lines { end };
                return Ok(true);
            }
            if ended {
                batch.cut = Cut::Lines { end: length };
                return Ok(length > 0);
            }
            searched = length;
            if length > LINE_MAX_BYTES {
                let passed = self.pass_over(page)?;
                let length = u64::try_from(length).unwrap_or_default() + passed;
                batch.cut = Cut::TooLong(length);
                return Ok(true);
            }
        }
    }

    /// Skips to the end of a line without holding it; returns the number of bytes.
    fn pass_over(&mut self, page: &mut Vec<u8>) -> io::Result<u64> {
        let mut passed = 0_u64;
        loop {
            let count = self.read_up_to(BATCH_BYTES, page, 0)?;
            let new = page.get(..count).unwrap_or_default();
            let end = memchr(b'\n', new);
            passed += u64::try_from(end.unwrap_or(count)).unwrap_or_default();
            if let Some(end) = end {
                self.keep(new.get(end + 1..));
            }
            if end.is_some() || count == 0 {
                return Ok(passed);
            }
        }
    }

    /// Puts the kept bytes at the start of `page`; returns their number.
    fn take_rest(&mut self, page: &mut Vec<u8>) -> usize {
        let length = self.rest.len();
        make_room(page, length);
        if let Some(start) = page.get_mut(..length) {
            start.copy_from_slice(&self.rest);
        }
        self.rest.clear();
        length
    }

    /// Keeps the start of lines to come.
    fn keep(&mut self, rest: Option<&[u8]>) {
        self.rest.extend_from_slice(rest.unwrap_or_default());
    }

    /// Reads `wanted` bytes into `page` at `at`; fewer only at the end.
    fn read_up_to(&mut self, wanted: usize, page: &mut Vec<u8>, at: usize) -> io::Result<usize> {
        make_room(page, at + wanted);
        let mut count = 0;
        while let Some(room) = page.get_mut(at + count..at + wanted)
            && !room.is_empty()
        {
            match self.read.read(room) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }
}

/// Grows `page` to at least `length` bytes. It never shrinks: otherwise its bytes would be zeroed
/// again for every batch.
fn make_room(page: &mut Vec<u8>, length: usize) {
    if page.len() < length {
        page.resize(length, 0);
    }
}
