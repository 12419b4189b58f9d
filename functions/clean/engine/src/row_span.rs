//! Where in the file a row is, and whether all of it could be read.

/// Longest row read, in bytes. The service accepts 131,072 tokens per example, some 600 kB of text;
/// 8 MiB leaves room for escapes and verbose markup and keeps a worker's memory small.
pub(crate) const LINE_MAX_BYTES: usize = 8 << 20;

/// Where a row starts, and whether its bytes are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSpan {
    /// Line of the file on which the row starts, from 1.
    pub(crate) line: u64,
    /// Character of that line on which the row starts, from 1.
    pub(crate) column: u64,
    /// Length of the row in bytes.
    pub(crate) length: u64,
    /// Whether the row's bytes are available.
    pub(crate) status: RowStatus,
}

/// Whether a row's bytes are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowStatus {
    /// All of them.
    Whole,
    /// All of them; the file ends without closing the row or its line.
    Last,
    /// All that there are; the file was truncated, possibly inside the row, which the row itself
    /// would not show.
    Cut,
    /// None, they were skipped: more than [`LINE_MAX_BYTES`].
    TooLong,
}

impl RowSpan {
    /// Line and column, both from 1, of the byte at offset `at` of the row `bytes`.
    pub(crate) fn position(self, bytes: &[u8], at: u32) -> (u64, u64) {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let before = bytes.get(..at).unwrap_or_default();
        match memchr::memrchr(b'\n', before) {
            None => (self.line, self.column + characters(before)),
            Some(end) => {
                let line = self.line + newlines(before);
                (
                    line,
                    1 + characters(before.get(end + 1..).unwrap_or_default()),
                )
            }
        }
    }
}

/// The number of lines that end within `bytes`.
pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// The number of characters that start within `bytes`, if they are UTF-8.
pub(crate) fn characters(bytes: &[u8]) -> u64 {
    let starts = |byte: &u8| u8::from(*byte & 0xC0 != 0x80);
    // As many at a time as a one-byte counter can count: the compiler vectorises the inner loop.
    let pieces = bytes.chunks(usize::from(u8::MAX));
    pieces
        .map(|piece| u64::from(piece.iter().map(starts).sum::<u8>()))
        .sum()
}
