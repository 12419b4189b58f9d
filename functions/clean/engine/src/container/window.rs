//! A sliding view of the bytes read that tracks line and column.

use std::{
    io::{self, Read as _},
    ops::Range,
};

use super::decode::Decoder;
use crate::row_span::{characters, newlines};

/// Bytes requested from the reader at once: above this, measured throughput no longer grows.
const CHUNK_BYTES: usize = 256 << 10;

/// Bytes that were read and not yet consumed.
pub(super) struct Window<'r> {
    read: Decoder<'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    row: Range<usize>,
    pending: usize,
    line: u64,
    column: u64,
}

impl<'r> Window<'r> {
    pub(super) fn new(read: Decoder<'r>) -> Self {
        Self {
            read,
            buffer: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
            ended: false,
            row: 0..0,
            pending: 0,
            line: 1,
            column: 1,
        }
    }

    /// Bytes that were read and not yet consumed.
    pub(super) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The source of the bytes.
    pub(super) fn decoder(&self) -> &Decoder<'r> {
        &self.read
    }

    /// Line of the first available byte.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Column of the first available byte.
    pub(super) fn column(&self) -> u64 {
        self.column
    }

    /// Reads more; `false` at the end. The buffer grows if nothing was consumed.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.read.read(room) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads until `count` bytes are available or the source ends.
    pub(super) fn fill_to(&mut self, count: usize) -> io::Result<()> {
        while self.available().len() < count && self.fill()? {}
        Ok(())
    }

    /// Skips `count` available bytes.
    pub(super) fn consume(&mut self, count: usize) {
        let bytes = self
            .buffer
            .get(self.start..self.start + count)
            .unwrap_or_default();
        match memchr::memrchr(b'\n', bytes) {
            None => self.column += characters(bytes),
            Some(end) => {
                self.line += newlines(bytes);
                self.column = 1 + characters(bytes.get(end + 1..).unwrap_or_default());
            }
        }
        self.start += count;
    }

    /// Skips a byte order mark, which takes no column.
    pub(super) fn skip_mark(&mut self) {
        self.start += 3;
    }

    /// Makes the first `row` of the first `whole` available bytes the current row; `settle`
    /// consumes all `whole` bytes.
    pub(super) fn hold(&mut self, row: usize, whole: usize) {
        self.row = self.start..self.start + row;
        self.pending = whole;
    }

    /// Ends the current row and consumes it.
    pub(super) fn settle(&mut self) {
        self.row = 0..0;
        let pending = std::mem::take(&mut self.pending);
        self.consume(pending);
    }

    /// The current row.
    pub(super) fn row(&self) -> &[u8] {
        self.buffer.get(self.row.clone()).unwrap_or_default()
    }

    /// The bytes read and not consumed, and the reader for the rest.
    pub(super) fn into_rest(self) -> (Vec<u8>, Decoder<'r>) {
        (self.available().to_vec(), self.read)
    }
}
