//! The uploaded bytes, on their way to the decompressor.

use std::io::{self, BufRead, Read};

/// Bytes requested from the source at once: above this, measured throughput no longer grows.
const CHUNK_BYTES: usize = 256 << 10;

/// Reads a source; counts the bytes, and records whether the source failed, because decompressors
/// report a failed read in the same way as invalid data.
pub(super) struct Tap<'r> {
    read: Box<dyn Read + Send + 'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    bytes: u64,
    failed: bool,
}

impl<'r> Tap<'r> {
    pub(super) fn new(read: Box<dyn Read + Send + 'r>) -> Self {
        Self {
            read,
            buffer: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
            bytes: 0,
            failed: false,
        }
    }

    /// The first `count` bytes, or fewer at the end of the source.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end < count {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            let count = read(&mut *self.read, room)?;
            if count == 0 {
                break;
            }
            self.count(count);
            self.end += count;
        }
        Ok(self.available())
    }

    /// Whether the source failed.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// Bytes read from the source.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.start = self.end;
        while !self.fill_buf()?.is_empty() {
            self.start = self.end;
        }
        Ok(())
    }

    fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += u64::try_from(bytes).unwrap_or_default();
    }
}

impl Read for Tap<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            // Avoids a second copy of uncompressed text.
            let count = read(&mut *self.read, into).inspect_err(|_| self.failed = true)?;
            self.count(count);
            return Ok(count);
        }
        let count = self.available().read(into)?;
        self.start += count;
        Ok(count)
    }
}

impl BufRead for Tap<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            let count = read(&mut *self.read, &mut self.buffer);
            let count = count.inspect_err(|_| self.failed = true)?;
            (self.start, self.end) = (0, count);
            self.count(count);
        }
        Ok(self.available())
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

/// Reads, and retries if a signal interrupted the call.
fn read(from: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
