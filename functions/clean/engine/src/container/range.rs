//! The lines that start within a range of bytes, read to the end of the last one, and the checksum
//! of the range.
//!
//! Adjacent ranges contain every line exactly once: the lines of a range start after the first line
//! break at or after the byte before the range, and end after the first line break at or after its
//! last byte.

use std::{
    io::{self, Read},
    ops::Range,
};

use bytes::{Buf as _, Bytes};
use memchr::memchr;

use super::lines::LineReader;
use crate::{
    batch::{BATCH_BYTES, Batch},
    meter::Crc32c,
    source::Ranges,
};

/// Bytes requested at once: a request takes some tens of milliseconds however small it is, and
/// processing this many takes longer.
const READ_BYTES: u64 = 8 << 20;

/// The UTF-8 byte order mark, which may start a file.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The lines of a range.
pub(crate) struct RangeLines {
    lines: LineReader<RangeReader>,
    bytes_read: u64,
}

/// The size and checksum of a range that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangeEnd {
    /// Its size.
    pub(crate) bytes: u64,
    /// Their checksum.
    pub(crate) crc32c: Crc32c,
}

impl RangeLines {
    /// The lines of `range`, read through `ranges`.
    pub(crate) fn open(ranges: Box<dyn Ranges>, range: Range<u64>) -> io::Result<Self> {
        let is_first = range.start == 0;
        let mut reader = RangeReader::new(ranges, range);
        let mut rest = Vec::new();
        if is_first {
            let limit = u64::try_from(MARK.len()).unwrap_or_default();
            Read::by_ref(&mut reader)
                .take(limit)
                .read_to_end(&mut rest)?;
            if rest == MARK {
                rest.clear();
            }
        }
        Ok(Self {
            lines: LineReader::new(rest, reader),
            bytes_read: 0,
        })
    }

    /// Fills `batch` with whole lines; `false` after the last.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let filled = self.lines.fill(batch)?;
        self.bytes_read += u64::try_from(batch.length()).unwrap_or_default();
        Ok(filled)
    }

    /// Bytes of lines read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Reads the rest of the range.
    pub(crate) fn finish(self) -> io::Result<RangeEnd> {
        self.lines.into_reader().finish()
    }
}

/// The position of a range relative to its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RangeState {
    /// Inside a line of the previous range.
    Seeking,
    /// Inside its own lines.
    Giving,
    /// After its last line.
    Over,
}

/// The bytes of the lines that start within a range.
struct RangeReader {
    ranges: Box<dyn Ranges>,
    range: Range<u64>,
    /// Offset of the first byte of `chunk`.
    at: u64,
    chunk: Bytes,
    crc32c: Crc32c,
    stage: RangeState,
}

impl RangeReader {
    fn new(ranges: Box<dyn Ranges>, range: Range<u64>) -> Self {
        let stage = match range.start {
            _ if range.is_empty() => RangeState::Over,
            0 => RangeState::Giving,
            _ => RangeState::Seeking,
        };
        Self {
            ranges,
            at: range.start.saturating_sub(1),
            range,
            chunk: Bytes::new(),
            crc32c: Crc32c::default(),
            stage,
        }
    }

    /// Reads the next chunk once the current one is used up; `false` at the end of the source.
    fn load(&mut self) -> io::Result<bool> {
        let size = self.ranges.size();
        let wanted = if self.at < self.range.end {
            (self.range.end - self.at).min(READ_BYTES)
        } else {
            // Only the end of one line is missing.
            u64::try_from(BATCH_BYTES).unwrap_or(READ_BYTES)
        };
        let wanted = wanted.min(size.saturating_sub(self.at));
        if wanted == 0 {
            return Ok(false);
        }
        let length = usize::try_from(wanted).map_err(io::Error::other)?;
        self.chunk = self.ranges.read_at(self.at, length)?;
        if self.chunk.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let from = self.within(self.range.start);
        let to = self.within(self.range.end);
        let ours = self.chunk.get(from..to).unwrap_or_default();
        self.crc32c = self.crc32c.append(ours);
        Ok(true)
    }

    /// Index in `chunk` of the byte at `offset`, even if that lies outside.
    fn within(&self, offset: u64) -> usize {
        let ahead = usize::try_from(offset.saturating_sub(self.at)).unwrap_or(usize::MAX);
        ahead.min(self.chunk.len())
    }

    fn advance(&mut self, count: usize) {
        self.chunk.advance(count);
        self.at += u64::try_from(count).unwrap_or_default();
    }

    /// Skips the line of the previous range.
    fn seek(&mut self) {
        let last = self.range.end - 1;
        let before = self.within(last);
        let end = memchr(b'\n', self.chunk.get(..before).unwrap_or_default());
        match end {
            Some(end) => {
                self.advance(end + 1);
                self.stage = RangeState::Giving;
            }
            None => {
                self.advance(before);
                if self.at == last {
                    self.stage = RangeState::Over;
                }
            }
        }
    }

    /// Copies bytes of the range's own lines.
    fn give(&mut self, into: &mut [u8]) -> usize {
        let last = self.within(self.range.end - 1);
        let end = memchr(b'\n', self.chunk.get(last..).unwrap_or_default());
        let whole = end.map_or(self.chunk.len(), |end| last + end + 1);
        let count = whole.min(into.len());
        let (given, into) = (self.chunk.get(..count), into.get_mut(..count));
        if let (Some(given), Some(into)) = (given, into) {
            into.copy_from_slice(given);
        }
        self.advance(count);
        if end.is_some() && count == whole {
            self.stage = RangeState::Over;
        }
        count
    }

    fn finish(mut self) -> io::Result<RangeEnd> {
        while self.at < self.range.end {
            let rest = self.chunk.len();
            self.advance(rest);
            if self.at < self.range.end && !self.load()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(RangeEnd {
            bytes: self.range.end.saturating_sub(self.range.start),
            crc32c: self.crc32c,
        })
    }
}

impl Read for RangeReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stage == RangeState::Over || into.is_empty() {
                return Ok(0);
            }
            if self.chunk.is_empty() && !self.load()? {
                self.stage = RangeState::Over;
                return Ok(0);
            }
            match self.stage {
                RangeState::Seeking => self.seek(),
                RangeState::Giving => return Ok(self.give(into)),
                RangeState::Over => return Ok(0),
            }
        }
    }
}
