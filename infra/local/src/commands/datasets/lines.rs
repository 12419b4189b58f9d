//! Rows of a stream of bytes, in bounded memory.

use clean_engine::Identity;

use super::side::{At, Part, Row};

/// Longest line that is read. The cleaner takes lines of 8 MiB; what it writes can be longer, but
/// not by so much.
const LINE_MAX_BYTES: usize = 32 << 20;

/// Reads the rows of one part, chunk by chunk.
#[derive(Debug)]
pub(super) struct Lines<'r> {
    part: Part,
    rows: &'r mut Vec<Row>,
    /// Lines so far.
    line: u32,
    /// Lines that are no row of a format known.
    unread: u64,
    /// The start of a line whose end is to come.
    open: Vec<u8>,
    /// Whether that line is too long to be kept.
    too_long: bool,
}

impl<'r> Lines<'r> {
    /// Rows of `part`, which go to `rows`.
    pub(super) fn new(part: Part, rows: &'r mut Vec<Row>) -> Self {
        Self {
            part,
            rows,
            line: 0,
            unread: 0,
            open: Vec::new(),
            too_long: false,
        }
    }

    /// Reads on.
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

    /// Ends: how many lines are no rows.
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
        let at = At {
            part: self.part,
            line: self.line,
        };
        match Identity::of_row(line) {
            Some(identity) => self.rows.push(Row { identity, at }),
            None => self.unread += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_do_not_depend_on_how_bytes_come() {
        let text =
            "{\"input\":\"a\",\"output\":\"b\"}\r\n\nno row\n{\"input\":\"c\",\"output\":\"d\"}";
        let read = |size: usize| {
            let mut rows = Vec::new();
            let mut lines = Lines::new(Part::Train, &mut rows);
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
