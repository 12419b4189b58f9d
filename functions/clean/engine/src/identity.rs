//! Identifies rows in 16 bytes: a digest of the question, and one of the answer.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::{
    example::Example,
    folded::{FoldBuffer, FoldedQuestions},
    formats,
    gemini::{self, Prompt},
    json::{Value, parse},
};

/// Digests of a row's question and answer. Rows with the same meaning are equal in any format; and
/// so are questions that are written differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Everything but the last turn, however it is written.
    pub question: u64,
    /// The last turn, and how the row is written.
    pub answer: u64,
}

impl Identity {
    /// The identity of a row in any known format; `None` where it is not one.
    pub fn of_row(row: &[u8]) -> Option<Self> {
        example_of(row).map(|example| Self::of_example(&example))
    }

    /// The identity of an example.
    pub(crate) fn of_example(example: &Example<'_>) -> Self {
        let mut record = Vec::new();
        gemini::write(example, Prompt::default(), &mut record);
        Self {
            question: FoldedQuestions::of(
                example,
                example.system.as_ref(),
                &mut FoldBuffer::default(),
            )
            .question,
            answer: XxHash3_64::oneshot(&record),
        }
    }
}

/// What a row in any known format says; `None` where it is not one.
pub(crate) fn example_of(row: &[u8]) -> Option<Example<'_>> {
    let text = simdutf8::compat::from_utf8(row).ok()?;
    let Value::Object(object) = parse(text).ok()?.node.value else {
        return None;
    };
    let options = formats::ReadOptions::default();
    let reading = formats::read(object, &mut Vec::new(), options).ok()?;
    Some(reading.example)
}

/// Digests of the question and the answer of a written record, whose last turn is at `answer`.
pub(crate) fn digests(record: &[u8], answer: Range<usize>) -> (u64, u64) {
    let piece = |range: Range<usize>| record.get(range).unwrap_or_default();
    let before = XxHash3_64::oneshot(piece(0..answer.start));
    let after = XxHash3_64::oneshot(piece(answer.end..record.len()));
    let question = before.rotate_left(1) ^ after;
    (question, XxHash3_64::oneshot(piece(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(row: &str) -> Identity {
        Identity::of_row(row.as_bytes()).unwrap()
    }

    #[test]
    fn rows_are_identified_by_their_meaning() {
        let row = of(r#"{"input":"a","output":"b"}"#);
        assert_eq!(row, of(r#"{ "completion": " b", "prompt": "a" }"#));
        let other = of(r#"{"input":"a","output":"c"}"#);
        assert_eq!(row.question, other.question);
        assert_ne!(row.answer, other.answer);
        let system = of(r#"{"system":"s","input":"a","output":"b"}"#);
        assert_ne!(row.question, system.question);
        let rewritten = of(r#"{"input":"A?","output":"b"}"#);
        assert_eq!(row.question, rewritten.question);
        assert_ne!(row.answer, rewritten.answer);
        assert_eq!(Identity::of_row(br#"{"input":"a"}"#), None);
        assert_eq!(Identity::of_row(b"\xff"), None);
    }
}
