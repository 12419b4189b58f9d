//! Answers are stored in shards, so that an interrupted evaluation resumes where it stopped.
//!
//! A shard is a range of consecutive rows of the sample. What one model answered to them is stored in parts:
//! objects that are created if absent, and never changed. The first part has the rows that were answered at
//! the first attempt, the next ones the rows that were not. No answer is paid for twice, and a row that
//! could not be asked is in none.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

use crate::answer::ModelAnswer;

/// Rows of a shard: about a minute of calls, four at a time, so that an interruption loses little and few objects are written.
pub const ROWS_PER_SHARD: usize = 25;

/// Consecutive rows of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: usize,
    /// Which rows of the sample.
    pub rows: Range<usize>,
}

/// One answer to one row: a line of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowAnswer {
    /// The id of the row.
    pub row: String,
    /// What the model replied.
    pub answer: ModelAnswer,
}

/// A part that cannot be used: truncated, or not written by this code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not an answer")]
pub struct BrokenPart {
    /// From 1.
    pub line: usize,
}

impl Shard {
    /// The name of its part number `part`, counted from 0.
    pub fn part(&self, part: usize) -> String {
        format!("{}{part}.jsonl", self.prefix())
    }

    /// How many parts of it are among `names`.
    pub fn parts<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> usize {
        let prefix = self.prefix();
        let names = names.into_iter();
        names.filter(|name| name.starts_with(&prefix)).count()
    }

    fn prefix(&self) -> String {
        format!("shard-{:05}-", self.index)
    }
}

/// All shards of a sample with that many rows.
pub fn plan(rows: usize) -> Vec<Shard> {
    (0..rows.div_ceil(ROWS_PER_SHARD))
        .map(|index| {
            let start = index * ROWS_PER_SHARD;
            Shard {
                index,
                rows: start..rows.min(start + ROWS_PER_SHARD),
            }
        })
        .collect()
}

/// The content of a part: a line of JSON for each answer.
pub fn write(answers: &[RowAnswer]) -> serde_json::Result<String> {
    let mut text = String::new();
    for answer in answers {
        text.push_str(&serde_json::to_string(answer)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads a part into `known`. Of two answers to a row, that of the earlier part stays.
pub fn read(text: &str, known: &mut BTreeMap<String, ModelAnswer>) -> Result<(), BrokenPart> {
    for (json, line) in text.lines().zip(1..) {
        // The parser's own message would quote the answer, which must not reach a log.
        let read: RowAnswer = serde_json::from_str(json).or(Err(BrokenPart { line }))?;
        known.entry(read.row).or_insert(read.answer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(row: &str, latency_ms: u64) -> RowAnswer {
        RowAnswer {
            row: row.into(),
            answer: ModelAnswer {
                text: "line\nbreak é".into(),
                ..ModelAnswer::failed("OTHER", latency_ms)
            },
        }
    }

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let answers = [answer("a", 1), answer("b", 2)];
        let text = write(&answers).unwrap();
        assert_eq!(text.lines().count(), 2);
        let mut known = BTreeMap::new();
        read(&text, &mut known).unwrap();
        assert_eq!(known["b"], answers[1].answer);
        let later = write(&[answer("b", 9), answer("c", 3)]).unwrap();
        read(&later, &mut known).unwrap();
        assert_eq!(
            (known.len(), known["b"].latency_ms),
            (3, 2),
            "the first answer stays"
        );
    }

    #[test]
    fn a_truncated_part_is_refused() {
        let text = write(&[answer("a", 1), answer("b", 2)]).unwrap();
        let cut = read(&text[..text.len() - 5], &mut BTreeMap::new());
        assert_eq!(cut, Err(BrokenPart { line: 2 }));
    }

    #[test]
    fn rows_that_are_asked_again_go_into_the_next_part() {
        let shards = plan(60);
        let names = [
            shards[1].part(0),
            shards[1].part(1),
            shards[2].part(0),
            "notes.txt".to_owned(),
        ];
        assert_eq!(names[0], "shard-00001-0.jsonl");
        let parts = |shard: &Shard| shard.parts(names.iter().map(String::as_str));
        assert_eq!(shards.iter().map(parts).collect::<Vec<_>>(), [0, 2, 1]);
    }

    proptest! {
        #[test]
        fn shards_cover_every_row_once(rows in 0_usize..3_000) {
            let covered: Vec<usize> = plan(rows).into_iter().flat_map(|shard| shard.rows).collect();
            prop_assert_eq!(covered, (0..rows).collect::<Vec<_>>());
        }
    }
}
