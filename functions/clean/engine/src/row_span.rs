//! Where in the file a row is, and whether all of it could be read.

/// Longest row read, in bytes. The service takes 131,072 tokens per example, some 600 kB of text;
/// 8 MiB leaves room for escapes and wordy markup and keeps a worker's memory small.
pub(crate) const LINE_MAX_BYTES: usize = 8 << 20;

/// Where a row starts, and whether it could be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSpan {
    /// Line of the file on which the row starts, from 1.
    pub(crate) line: u64,
    /// Character of that line on which the row starts, from 1.
    pub(crate) column: u64,
    /// Length of the row in bytes.
    pub(crate) length: u64,
    /// Whether the row's bytes can be had.
    pub(crate) status: RowStatus,
}

/// Whether a row's bytes can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowStatus {
    /// They can.
    Whole,
    /// They can; the file ends without closing the row or its line.
    Last,
    /// They can; the file was cut off, perhaps within the row, and the row would not show it.
    Cut,
    /// They were passed over: more than [`LINE_MAX_BYTES`].
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

/// How many lines end within `bytes`.
pub(crate) fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// How many characters start within `bytes`, if they are UTF-8.
pub(crate) fn characters(bytes: &[u8]) -> u64 {
    let starts = |byte: &u8| u8::from(*byte & 0xC0 != 0x80);
    // As many as are counted in a byte: the compiler counts them side by side.
    let pieces = bytes.chunks(usize::from(u8::MAX));
    pieces
        .map(|piece| u64::from(piece.iter().map(starts).sum::<u8>()))
        .sum()
}
