//! Cuts a dataset into rows, whatever it is wrapped in, without ever holding more than one row.

mod array;
mod lines;
mod nest;
mod sniff;
mod window;

use std::io::{self, Read};

pub(crate) use self::sniff::guess_text;
use self::{array::Array, sniff::Sniffed, window::Window};
use crate::Rule;

/// Longest row read, in bytes. The service takes 131,072 tokens per example, some 600 kB of text;
/// 8 MiB leaves room for escapes and wordy markup and keeps a worker's memory small.
pub(crate) const LINE_MAX_BYTES: usize = 8 << 20;

/// How the rows of a dataset are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// One JSON value per line.
    Lines,
    /// One JSON array around all rows.
    Array,
    /// An array that is a member of one object.
    Wrapped,
    /// Nothing at all.
    Empty,
    /// Something that is not text of ours; what it looks like.
    Unreadable(&'static str),
}

impl Container {
    /// The word in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Array => "json_array",
            Self::Wrapped => "json_object",
            Self::Empty => "empty",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// Where a row starts, and whether it could be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Line of the file on which the row starts, from 1.
    pub(crate) line: u64,
    /// Character of that line on which the row starts, from 1.
    pub(crate) column: u64,
    /// Length of the row in bytes.
    pub(crate) length: u64,
    /// Whether the row's bytes can be had.
    pub(crate) body: Body,
}

/// Whether a row's bytes can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// They can.
    Whole,
    /// They can; the file ends without closing the row or its line.
    Last,
    /// They were passed over: more than [`LINE_MAX_BYTES`].
    TooLong,
}

impl Head {
    /// Line and column, both from 1, of the byte at offset `at` of the row `bytes`.
    pub(crate) fn place(self, bytes: &[u8], at: u32) -> (u64, u64) {
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

/// The rows of a dataset, one after the other.
pub(crate) struct Records<'r> {
    window: Window<'r>,
    container: Container,
    array: Option<Array>,
}

impl<'r> Records<'r> {
    /// Looks at the first bytes and gets ready.
    pub(crate) fn open(read: Box<dyn Read + Send + 'r>) -> io::Result<Self> {
        let mut window = Window::new(read);
        window.fill_to(sniff::PREFIX_BYTES)?;
        if window.available().starts_with(b"\xEF\xBB\xBF") {
            window.skip_mark();
        }
        let (container, array) = match sniff::sniff(window.available(), window.ended()) {
            Sniffed::Empty => (Container::Empty, None),
            Sniffed::Unreadable(what) => (Container::Unreadable(what), None),
            Sniffed::Lines => (Container::Lines, None),
            Sniffed::Array { start } => {
                window.consume(start);
                (Container::Array, Some(Array::default()))
            }
            Sniffed::Wrapped { start } => {
                window.consume(start);
                (Container::Wrapped, Some(Array::within_object()))
            }
        };
        Ok(Self {
            window,
            container,
            array,
        })
    }

    /// Goes to the next row; `None` after the last.
    pub(crate) fn advance(&mut self) -> io::Result<Option<Head>> {
        match (&mut self.array, self.container) {
            (Some(array), _) => array.advance(&mut self.window),
            (None, Container::Lines) => lines::advance(&mut self.window),
            (
                None,
                Container::Array | Container::Wrapped | Container::Empty | Container::Unreadable(_),
            ) => Ok(None),
        }
    }

    /// The bytes of the row last advanced to; empty where it was too long.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.window.row()
    }

    /// How the rows are wrapped.
    pub(crate) fn container(&self) -> Container {
        self.container
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.window.bytes_read()
    }

    /// Blank lines passed over so far; an array has none.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.window.blank_lines()
    }

    /// Reads what is left, and says how long the dataset was, its SHA-256 in hexadecimal, and what
    /// was wrong about its end.
    pub(crate) fn finish(mut self) -> io::Result<End> {
        let fault = match &mut self.array {
            Some(array) => array.finish(&mut self.window)?,
            None => None,
        };
        let (bytes, digest) = self.window.finish()?;
        Ok(End {
            bytes,
            digest,
            fault,
        })
    }
}

/// How a dataset ended.
#[derive(Debug)]
pub(crate) struct End {
    /// Its length.
    pub(crate) bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub(crate) digest: String,
    /// What is wrong about its end, and on which line.
    pub(crate) fault: Option<(u64, &'static Rule)>,
}

/// How many lines end within `bytes`.
fn newlines(bytes: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

/// How many characters start within `bytes`, if they are UTF-8.
fn characters(bytes: &[u8]) -> u64 {
    let starts = bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    u64::try_from(starts).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives a few bytes at a time, as networks do.
    struct Drip<'b>(&'b [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let take = self.1.min(buffer.len()).min(self.0.len());
            buffer[..take].copy_from_slice(&self.0[..take]);
            self.0 = &self.0[take..];
            Ok(take)
        }
    }

    fn rows(bytes: &[u8], drip: usize) -> (Container, Vec<(u64, u64, String)>, Option<u64>) {
        let mut records = Records::open(Box::new(Drip(bytes, drip))).unwrap();
        let mut rows = Vec::new();
        while let Some(head) = records.advance().unwrap() {
            let text = match head.body {
                Body::Whole | Body::Last => String::from_utf8_lossy(records.bytes()).into_owned(),
                Body::TooLong => format!("{} bytes", head.length),
            };
            rows.push((head.line, head.column, text));
        }
        let container = records.container();
        let end = records.finish().unwrap();
        assert_eq!(end.bytes, u64::try_from(bytes.len()).unwrap());
        (container, rows, end.fault.map(|(line, _)| line))
    }

    #[track_caller]
    fn check(bytes: &str, container: Container, expected: &[(u64, u64, &str)], fault: Option<u64>) {
        for drip in [1, 3, 1 << 20] {
            let (found, rows, end) = rows(bytes.as_bytes(), drip);
            let rows: Vec<_> = rows
                .iter()
                .map(|(l, c, text)| (*l, *c, text.as_str()))
                .collect();
            assert_eq!(
                (found, rows.as_slice(), end),
                (container, expected, fault),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn lines_are_rows() {
        let lines = Container::Lines;
        check(
            "{}\n{\"a\":1}\n",
            lines,
            &[(1, 1, "{}"), (2, 1, "{\"a\":1}")],
            None,
        );
        check(
            "\u{feff}{}\r\n\r\n{}",
            lines,
            &[(1, 1, "{}"), (3, 1, "{}")],
            None,
        );
        check("oops\n {}\n", lines, &[(1, 1, "oops"), (2, 1, " {}")], None);
        check(
            "[INST] hello\n{}\n",
            lines,
            &[(1, 1, "[INST] hello"), (2, 1, "{}")],
            None,
        );
    }

    #[test]
    fn a_row_that_holds_a_list_of_objects_is_still_a_line() {
        let row = r#"{"messages":[{"role":"user"}]}"#;
        check(row, Container::Lines, &[(1, 1, row)], None);
        let other = r#"{"turns":[{"who":"user"}]}"#;
        check(
            &format!("{other}\n{other}"),
            Container::Lines,
            &[(1, 1, other), (2, 1, other)],
            None,
        );
    }

    #[test]
    fn elements_of_an_array_are_rows() {
        let array = Container::Array;
        check(
            "[{\"a\":\"]\\\"\"}, {}]",
            array,
            &[(1, 2, "{\"a\":\"]\\\"\"}"), (1, 15, "{}")],
            None,
        );
        check(
            "[\n  {\n},\n  {}\n]\n",
            array,
            &[(2, 3, "{\n}"), (4, 3, "{}")],
            None,
        );
        check("[]", array, &[], None);
        check(
            "[{}, 7, \"x\"]",
            array,
            &[(1, 2, "{}"), (1, 6, "7"), (1, 9, "\"x\"")],
            None,
        );
    }

    #[test]
    fn rows_can_be_a_member_of_an_object() {
        let wrapped = Container::Wrapped;
        check(
            "{\"v\":1,\"data\":[{},{}]}\n",
            wrapped,
            &[(1, 16, "{}"), (1, 19, "{}")],
            None,
        );
        check("{\n\"data\": [\n{}\n]\n}", wrapped, &[(3, 1, "{}")], None);
    }

    #[test]
    fn a_long_first_line_is_a_wrapper_only_around_rows() {
        let filler = "x".repeat(2 * sniff::PREFIX_BYTES);
        let row = format!("{{\"input\":\"a\",\"output\":\"{filler}\"}}");
        let first = r#"{"input":"b","output":"c"}"#;
        let wrapped = format!("{{\"data\":[{first},{row}]}}");
        check(
            &wrapped,
            Container::Wrapped,
            &[(1, 10, first), (1, 37, &row)],
            None,
        );
        let line = format!("{{\"docs\":[{{\"id\":1}}],\"input\":\"a\",\"output\":\"{filler}\"}}");
        check(&line, Container::Lines, &[(1, 1, &line)], None);
    }

    #[test]
    fn an_array_that_is_cut_off_or_followed_by_more_is_told() {
        check(
            "[{},\n{\"a",
            Container::Array,
            &[(1, 2, "{}"), (2, 1, "{\"a")],
            Some(2),
        );
        check("[{}", Container::Array, &[(1, 2, "{}")], Some(1));
        check("[{}]\nmore", Container::Array, &[(1, 2, "{}")], Some(2));
        check(
            "{\"a\":[{}],\n\"b\":[{}]}",
            Container::Wrapped,
            &[(1, 7, "{}")],
            Some(1),
        );
    }

    #[test]
    fn a_row_too_long_is_passed_over() {
        let long = "x".repeat(LINE_MAX_BYTES + 10);
        let said = format!("{} bytes", long.len());
        let (_, found, _) = rows(format!("{{}}\n{long}\n{{}}").as_bytes(), 1 << 20);
        assert_eq!(
            found,
            [
                (1, 1, "{}".to_owned()),
                (2, 1, said),
                (3, 1, "{}".to_owned())
            ]
        );
        let said = format!("{} bytes", long.len() + 2);
        let (_, found, _) = rows(format!("[{{}},\n\"{long}\",\n{{}}]").as_bytes(), 1 << 20);
        assert_eq!(
            found,
            [
                (1, 2, "{}".to_owned()),
                (2, 1, said),
                (3, 1, "{}".to_owned())
            ]
        );
    }

    #[test]
    fn what_is_no_text_is_named() {
        for (bytes, looks) in [
            (&b"PK\x03\x04abc"[..], "a zip archive"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"%PDF-1.7", "PDF"),
            (b"<!DOCTYPE html><html>", "a web page (HTML)"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "a Git LFS pointer, not the file",
            ),
            (b"\xff\xfe{\0}\0", "UTF-16 text"),
            (b"{\0\"\0a\0\"\0:\0\x31\0}\0", "UTF-16 text"),
            (b"PAR1\x15\x04", "Parquet"),
            (b"abc\0\x01\x02", "binary data"),
        ] {
            assert_eq!(rows(bytes, 7).0, Container::Unreadable(looks), "{bytes:?}");
        }
        assert_eq!(rows(b" \n\n", 7).0, Container::Empty);
        assert_eq!(rows(b"", 7).0, Container::Empty);
    }
}
