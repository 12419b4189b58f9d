//! Reads rows from a stream of bytes, in bounded memory.

use clean_engine::{IdentifiedRow, RowIdentifier};

use super::{
    profile::SideProfile,
    row::{RowFile, RowLocation, RowRef},
};

/// Longest line that is read. The engine accepts lines of 8 MiB; the ones that it writes can be
/// longer, but not by so much.
const LINE_MAX_BYTES: usize = 32 << 20;

/// Reads the rows of one file, chunk by chunk.
pub(super) struct RowReader<'r> {
    identifier: &'r RowIdentifier,
    part: RowFile,
    rows: &'r mut Vec<RowRef>,
    profile: &'r mut SideProfile,
    /// Lines read so far.
    line: u32,
    /// Lines that are not rows in a known format.
    unread: u64,
    /// The start of a line whose end has not been read.
    open: Vec<u8>,
    /// Whether that line is too long to keep.
    too_long: bool,
}

impl<'r> RowReader<'r> {
    /// Adds the rows of `part` to `rows`, as `identifier` knows them, and what they are like to `profile`.
    pub(super) fn new(
        identifier: &'r RowIdentifier,
        part: RowFile,
        rows: &'r mut Vec<RowRef>,
        profile: &'r mut SideProfile,
    ) -> Self {
        Self {
            identifier,
            part,
            rows,
            profile,
            line: 0,
            unread: 0,
            open: Vec::new(),
            too_long: false,
        }
    }

    /// Reads another chunk.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let Some(end) = piece.strip_suffix(b"\n") else {
                self.keep(piece);
                continue;
            };
            if self.open.is_empty() && !self.too_long {
                self.close(end);
            } else {
                self.keep(end);
                let whole = std::mem::take(&mut self.open);
                self.close(&whole);
            }
        }
    }

    /// Ends the file; returns the number of lines that are not rows.
    pub(super) fn finish(mut self) -> u64 {
        let last = std::mem::take(&mut self.open);
        if !last.is_empty() || self.too_long {
            self.close(&last);
        }
        self.unread
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.open.len() + piece.len() > LINE_MAX_BYTES {
            self.open.clear();
            self.too_long = true;
        }
        if !self.too_long {
            self.open.extend_from_slice(piece);
        }
    }

    fn close(&mut self, line: &[u8]) {
        self.line = self.line.saturating_add(1);
        if std::mem::take(&mut self.too_long) {
            self.unread += 1;
            return;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let at = RowLocation {
            part: self.part,
            line: self.line,
        };
        match self.identifier.row(line) {
            Some(IdentifiedRow { identity, traits }) => {
                self.profile.add(traits);
                self.rows.push(RowRef { identity, at });
            }
            None => self.unread += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use clean_engine::Settings;

    use super::*;

    #[test]
    fn rows_do_not_depend_on_the_size_of_chunks() {
        let text =
            "{\"input\":\"a\",\"output\":\"b\"}\r\n\nno row\n{\"input\":\"c\",\"output\":\"d\"}";
        let read = |size: usize| {
            let mut rows = Vec::new();
            let identifier = RowIdentifier::of_version(&Settings::default());
            let mut profile = SideProfile::default();
            let mut lines = RowReader::new(&identifier, RowFile::Train, &mut rows, &mut profile);
            for chunk in text.as_bytes().chunks(size) {
                lines.feed(chunk);
            }
            let unread = lines.finish();
            (rows, unread)
        };
        let (rows, unread) = read(text.len());
        let at: Vec<u32> = rows.iter().map(|row| row.at.line).collect();
        assert_eq!((at.as_slice(), unread), ([1, 4].as_slice(), 1));
        for size in 1..text.len() {
            assert_eq!(read(size), (rows.clone(), unread), "{size}");
        }
    }
}
