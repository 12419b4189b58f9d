//! Work in parts, so that an evaluation that was interrupted goes on where it stopped.
//!
//! A part is a run of rows of the sample. Its answers are written as one object with a name derived from the sample, created
//! only if absent; a redelivered evaluation lists what exists and does what is [`missing`]. Answers already paid for are
//! never asked again.

use std::{collections::BTreeSet, ops::Range};

use serde::{Deserialize, Serialize};

use crate::answer::Answer;

/// Rows of a part: about a minute of asking at four calls at a time, so that little is lost, and few objects are written.
pub const ROWS_PER_PART: usize = 25;

/// A run of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub index: usize,
    /// Which rows of the sample.
    pub rows: Range<usize>,
}

/// Both answers to one row: a line of a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The id of the row.
    pub row: String,
    /// What the base model replied.
    pub base: Answer,
    /// What the tuned model replied.
    pub tuned: Answer,
}

/// A part that exists and cannot be taken up: ask its rows again, and write over it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    /// Cut short, or not ours at all.
    #[error("line {line} is not a pair of answers")]
    Broken {
        /// From 1.
        line: usize,
    },
    /// The rows are not those that the part should have.
    #[error("the part holds other rows")]
    OtherRows,
}

impl Part {
    /// The name of its object, below the evaluation's folder. `digest` is [`crate::sample::Sample::digest`]: answers to other
    /// rows never have the name of ours.
    pub fn name(&self, digest: &str) -> String {
        format!("{digest}/part-{:05}.jsonl", self.index)
    }
}

/// All parts of a sample with that many rows.
pub fn plan(rows: usize) -> Vec<Part> {
    (0..rows.div_ceil(ROWS_PER_PART))
        .map(|index| {
            let start = index * ROWS_PER_PART;
            Part {
                index,
                rows: start..rows.min(start + ROWS_PER_PART),
            }
        })
        .collect()
}

/// The parts still to do, given the names that exist. Names that are not ours are ignored.
pub fn missing<'a>(
    existing: impl IntoIterator<Item = &'a str>,
    rows: usize,
    digest: &str,
) -> Vec<Part> {
    let existing: BTreeSet<&str> = existing.into_iter().collect();
    plan(rows)
        .into_iter()
        .filter(|part| !existing.contains(part.name(digest).as_str()))
        .collect()
}

/// The content of a part: a line of JSON for each pair.
pub fn write(pairs: &[Pair]) -> serde_json::Result<String> {
    let mut text = String::new();
    for pair in pairs {
        text.push_str(&serde_json::to_string(pair)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads a part back. `rows` are the ids it must hold, in order.
pub fn read<'a>(
    text: &str,
    rows: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Pair>, PartFault> {
    let pairs = text
        .lines()
        .zip(1..)
        // The parser's own message would quote the text.
        .map(|(json, line)| serde_json::from_str(json).or(Err(PartFault::Broken { line })))
        .collect::<Result<Vec<Pair>, _>>()?;
    if pairs.iter().map(|pair| pair.row.as_str()).eq(rows) {
        Ok(pairs)
    } else {
        Err(PartFault::OtherRows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(row: &str) -> Pair {
        let answer = Answer {
            text: "line\nbreak é".into(),
            ..Answer::failed("429", 3)
        };
        Pair {
            row: row.into(),
            base: answer.clone(),
            tuned: answer,
        }
    }

    #[test]
    fn a_part_is_read_as_it_was_written() {
        let pairs = [pair("a"), pair("b")];
        let text = write(&pairs).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(read(&text, ["a", "b"]).unwrap(), pairs);
    }

    #[test]
    fn a_part_that_is_not_whole_is_refused() {
        let text = write(&[pair("a"), pair("b")]).unwrap();
        assert_eq!(read(&text, ["a", "c"]), Err(PartFault::OtherRows));
        assert_eq!(read(&text, ["a"]), Err(PartFault::OtherRows));
        assert_eq!(read(&text, ["a", "b", "c"]), Err(PartFault::OtherRows));
        assert_eq!(
            read(&text[..text.len() - 5], ["a", "b"]),
            Err(PartFault::Broken { line: 2 })
        );
        assert_eq!(read("", ["a"]), Err(PartFault::OtherRows));
    }

    #[test]
    fn an_interrupted_evaluation_resumes_after_the_parts_that_exist() {
        let all = plan(60);
        let names: Vec<String> = all.iter().map(|part| part.name("d")).collect();
        assert_eq!(
            names,
            [
                "d/part-00000.jsonl",
                "d/part-00001.jsonl",
                "d/part-00002.jsonl"
            ]
        );
        let left = missing([names[1].as_str(), "d/notes.txt"], 60, "d");
        assert_eq!(left, [all[0].clone(), all[2].clone()]);
        assert_eq!(left[1].rows, 50..60);
        assert_eq!(missing(names.iter().map(String::as_str), 60, "d"), []);
        assert_eq!(
            missing(names.iter().map(String::as_str), 60, "other").len(),
            3
        );
    }

    proptest! {
        #[test]
        fn parts_cover_every_row_once(rows in 0_usize..3_000) {
            let covered: Vec<usize> = plan(rows).into_iter().flat_map(|part| part.rows).collect();
            prop_assert_eq!(covered, (0..rows).collect::<Vec<_>>());
        }
    }
}
