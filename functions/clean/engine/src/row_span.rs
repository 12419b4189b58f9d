//! Where in the file a row is, and whether all of it could be read.

use std::num::NonZero;

use serde::{Deserialize, Serialize};

use crate::key_names::shown;

/// Longest row read, in bytes. The service accepts 131,072 tokens per example, some 600 kB of text;
/// 8 MiB leaves room for escapes and verbose markup and keeps a worker's memory small.
pub(crate) const LINE_MAX_BYTES: usize = 8 << 20;

/// Which row of a dataset it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowPosition {
    /// Line of the file on which it starts, from 1; 0 stands for the whole file.
    pub(crate) line: u64,
    /// Its number in the dataset, from 1, where rows are not found by their lines.
    pub(crate) row: Option<NonZero<u32>>,
}

/// How people find a row of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowNumbers {
    /// By the line on which it starts.
    #[default]
    Line,
    /// By its place in an array, which may be the member of an object.
    Element {
        /// The key of that member.
        key: Option<String>,
    },
    /// By its number, from 1.
    Row,
}

/// Where a row starts, and whether its bytes are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSpan {
    /// Which row it is.
    pub(crate) position: RowPosition,
    /// Character of its line on which the row starts, from 1.
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

impl RowPosition {
    /// The whole file.
    pub(crate) const FILE: Self = Self::of_line(0);

    /// The row on `line`, or, at 0, the whole file.
    pub(crate) const fn of_line(line: u64) -> Self {
        Self { line, row: None }
    }

    /// The row with this `number`, from 1, which starts on `line`.
    pub(crate) fn of_row(number: u64, line: u64) -> Self {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            line,
            row: NonZero::new(number),
        }
    }

    /// The number by which [`RowNumbers`] names it.
    pub(crate) fn number(self) -> u64 {
        self.row.map_or(self.line, |row| row.get().into())
    }

    /// Its order among others: by line, then by row.
    pub(crate) fn order(self) -> (u64, u32) {
        // What has a line and no row, though others have one, is about the end of the file.
        (self.line, self.row.map_or(u32::MAX, NonZero::get))
    }

    /// The same row, `base` lines further down.
    pub(crate) fn below(self, base: u64) -> Self {
        Self {
            line: self.line + base,
            ..self
        }
    }
}

impl RowNumbers {
    /// The row with this `number`, which counts from 1: `line 3`, `$.data[2]` or `row 3`.
    pub fn name(&self, number: u64) -> String {
        match self {
            Self::Line => format!("line {number}"),
            Self::Element { .. } => self.short_name(number),
            Self::Row => format!("row {number}"),
        }
    }

    /// The same, below a heading that says what the numbers are.
    pub fn short_name(&self, number: u64) -> String {
        match self {
            Self::Line | Self::Row => number.to_string(),
            Self::Element { key } => {
                let index = number.saturating_sub(1);
                let is_name =
                    |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                match key.as_deref().map(shown) {
                    None => format!("$[{index}]"),
                    Some(key) if is_name(&key) => format!("$.{key}[{index}]"),
                    Some(key) => format!("$['{key}'][{index}]"),
                }
            }
        }
    }

    /// What the numbers are.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Element { .. } => "element",
            Self::Row => "row",
        }
    }

    /// The first member of a note about the row with this `number`, with the bracket before it.
    pub(crate) fn note_start(&self, number: u64) -> String {
        match self {
            Self::Line => format!("{{\"line\":{number},"),
            Self::Element { .. } | Self::Row => {
                let name = serde_json::Value::from(self.name(number));
                format!("{{\"place\":{name},")
            }
        }
    }
}

impl RowSpan {
    /// Line and column, both from 1, of the byte at offset `at` of the row `bytes`.
    pub(crate) fn position(self, bytes: &[u8], at: u32) -> (u64, u64) {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let before = bytes.get(..at).unwrap_or_default();
        match memchr::memrchr(b'\n', before) {
            None => (self.position.line, self.column + characters(before)),
            Some(end) => {
                let line = self.position.line + newlines(before);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pass::tests::clean;

    #[test]
    fn a_row_is_named_as_it_is_found() {
        let element = |key: Option<&str>| RowNumbers::Element {
            key: key.map(str::to_owned),
        };
        for (numbers, name, short_name, note) in [
            (RowNumbers::Line, "line 3", "3", "{\"line\":3,"),
            (RowNumbers::Row, "row 3", "3", "{\"place\":\"row 3\","),
            (element(None), "$[2]", "$[2]", "{\"place\":\"$[2]\","),
            (
                element(Some("data")),
                "$.data[2]",
                "$.data[2]",
                "{\"place\":\"$.data[2]\",",
            ),
            (
                element(Some("my \"rows\" of anna@acme.io")),
                "$['my \"rows\" of [EMAIL]'][2]",
                "$['my \"rows\" of [EMAIL]'][2]",
                "{\"place\":\"$['my \\\"rows\\\" of [EMAIL]'][2]\",",
            ),
        ] {
            assert_eq!(numbers.name(3), name);
            assert_eq!(numbers.short_name(3), short_name);
            assert_eq!(numbers.note_start(3), note);
        }
    }

    /// The places of the findings about rows, and the notes of rejected rows without their rest.
    fn places(text: &str) -> (Vec<String>, Vec<String>) {
        let (cleaned, memory) = clean(text.as_bytes(), &crate::settings::Settings::default());
        let findings = cleaned.report.findings.into_iter();
        let about_rows = findings.filter(|finding| finding.line > 0 && finding.code != "few_rows");
        let places = about_rows.map(|finding| format!("{}: {}", finding.place, finding.message));
        let notes = memory.rows(crate::outputs::OutputFile::Rejected);
        let starts = notes.iter().map(|note| note.split(",\"codes").next());
        let starts = starts.map(|start| start.unwrap_or_default().to_owned());
        (places.collect(), starts.collect())
    }

    #[test]
    fn rows_without_lines_of_their_own_are_named_by_their_number() {
        let row = r#"{"input":"a","output":"one two three"}"#;
        let bad = r#"{"input":"b"}"#;
        for (text, bad_place, repeat) in [
            (
                format!("[{row},{bad},{row}]"),
                "$[1]",
                "$[2]: duplicate of $[0]",
            ),
            (
                format!("[\n{row},\n{bad},\n{row}]"),
                "$[1] on line 3",
                "$[2] on line 4: duplicate of $[0]",
            ),
            (
                format!("{{\"data\":[{row},{bad},{row}]}}"),
                "$.data[1]",
                "$.data[2]: duplicate of $.data[0]",
            ),
            (
                format!("{{\"train\":[{row},{bad}],\n\"test\":[{row}]}}"),
                "row 2",
                "row 3 on line 2: duplicate of row 1",
            ),
            (
                format!("{row}\n{bad}\n{row}\n"),
                "line 2",
                "line 3: duplicate of line 1",
            ),
        ] {
            let (places, notes) = places(&text);
            assert_eq!(places.len(), 2, "{text}: {places:?}");
            assert!(
                places[0].starts_with(&format!("{bad_place}: ")),
                "{places:?}"
            );
            assert_eq!(places[1], repeat, "{text}");
            assert_eq!(notes.len(), 1, "{text}");
        }
    }
}
