//! Rows as they are read, some hundreds of kilobytes at a time: the unit of work of a thread.

use std::ops::Range;

use memchr::memchr;
use serde::{Deserialize, Serialize};

use crate::row_span::{LINE_MAX_BYTES, RowPosition, RowSpan, RowStatus};

/// Bytes of rows that a thread processes at a time: above this, measured throughput no longer
/// grows; below it, handing batches over becomes noticeable.
pub(crate) const BATCH_BYTES: usize = 512 << 10;

/// The byte order mark of UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Rows and their bytes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The bytes of the rows. After the last line there can be more, left over from earlier
    /// batches.
    pub(crate) bytes: Vec<u8>,
    /// Where the rows are.
    pub(crate) cut: Cut,
}

/// Where the rows of a batch are.
#[derive(Debug)]
pub(crate) enum Cut {
    /// Every line up to `end` is a row. Splitting them is left to the thread that processes them,
    /// since reading is serial.
    Lines {
        /// The end of the last line.
        end: usize,
    },
    /// As listed. Their lines are counted from the start of the file.
    Rows(Vec<(RowSpan, Range<usize>)>),
    /// One line of this many bytes, which were skipped.
    TooLong(u64),
}

impl Default for Cut {
    fn default() -> Self {
        Self::Rows(Vec::new())
    }
}

/// Lines of a batch, blank ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineCounts {
    /// Lines, where they are counted from the start of the batch; 0 where they are counted from the
    /// start of the file.
    pub(crate) counted: u64,
    /// Blank lines among them.
    pub(crate) blank: u64,
}

impl Batch {
    /// Bytes of all rows.
    pub(crate) fn length(&self) -> usize {
        match self.cut {
            Cut::Lines { end } => end,
            Cut::Rows(_) => self.bytes.len(),
            Cut::TooLong(_) => 0,
        }
    }

    /// Calls `each` with every row, in order.
    pub(crate) fn for_each<'b>(&'b self, mut each: impl FnMut(RowSpan, &'b [u8])) -> LineCounts {
        match &self.cut {
            Cut::Lines { end } => for_each_line(self.bytes.get(..*end).unwrap_or_default(), each),
            Cut::Rows(rows) => {
                for (span, range) in rows {
                    each(*span, self.bytes.get(range.clone()).unwrap_or_default());
                }
                LineCounts::default()
            }
            Cut::TooLong(length) => {
                each(too_long(1, *length), &[]);
                LineCounts {
                    counted: 1,
                    blank: 0,
                }
            }
        }
    }
}

fn for_each_line<'b>(mut rest: &'b [u8], mut each: impl FnMut(RowSpan, &'b [u8])) -> LineCounts {
    let mut lines = LineCounts::default();
    while !rest.is_empty() {
        let end = memchr(b'\n', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or_default();
        lines.counted += 1;
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        // Before the test for whitespace: the bytes of a skipped line are not here to be tested.
        if line.len() > LINE_MAX_BYTES {
            each(too_long(lines.counted, length), &[]);
            continue;
        }
        // Joined files have a mark at the start of each.
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            lines.blank += 1;
            continue;
        }
        let span = RowSpan {
            position: RowPosition::of_line(lines.counted),
            column: 1,
            length,
            status: if end.is_some() {
                RowStatus::Whole
            } else {
                RowStatus::Last
            },
        };
        each(span, line.strip_suffix(b"\r").unwrap_or(line));
    }
    lines
}

fn too_long(line: u64, length: u64) -> RowSpan {
    RowSpan {
        position: RowPosition::of_line(line),
        column: 1,
        length,
        status: RowStatus::TooLong,
    }
}
