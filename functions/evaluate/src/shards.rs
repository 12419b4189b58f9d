//! Work in shards, so that an evaluation that was interrupted goes on where it stopped.
//!
//! A shard is a run of rows of the sample. Its answers are written as one object with a name derived from the sample, created
//! only if absent; a redelivered evaluation lists what exists and does what is [`missing`]. Answers already paid for are
//! never asked again.

use std::{collections::BTreeSet, ops::Range};

use serde::{Deserialize, Serialize};

use crate::answer::ModelAnswer;

/// Rows of a shard: about a minute of asking at four calls at a time, so that little is lost, and few objects are written.
pub const ROWS_PER_SHARD: usize = 25;

/// A run of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: usize,
    /// Which rows of the sample.
    pub rows: Range<usize>,
}

/// Both answers to one row: a line of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The id of the row.
    pub row: String,
    /// What the base model replied.
    pub base: ModelAnswer,
    /// What the tuned model replied.
    pub tuned: ModelAnswer,
}

/// A shard that exists and cannot be taken up: ask its rows again, and write over it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardFault {
    /// Cut short, or not ours at all.
    #[error("line {line} is not a pair of answers")]
    Broken {
        /// From 1.
        line: usize,
    },
    /// The rows are not those that the shard should have.
    #[error("the shard holds other rows")]
    OtherRows,
}

impl Shard {
    /// The name of its object, below the evaluation's folder. `digest` is [`crate::sample::RowSample::digest`]: answers to other
    /// rows never have the name of ours.
    pub fn name(&self, digest: &str) -> String {
        format!("{digest}/shard-{:05}.jsonl", self.index)
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

/// The shards still to do, given the names that exist. Names that are not ours are ignored.
pub fn missing<'a>(
    existing: impl IntoIterator<Item = &'a str>,
    rows: usize,
    digest: &str,
) -> Vec<Shard> {
    let existing: BTreeSet<&str> = existing.into_iter().collect();
    plan(rows)
        .into_iter()
        .filter(|shard| !existing.contains(shard.name(digest).as_str()))
        .collect()
}

/// The content of a shard: a line of JSON for each pair.
pub fn write(pairs: &[Pair]) -> serde_json::Result<String> {
    let mut text = String::new();
    for pair in pairs {
        text.push_str(&serde_json::to_string(pair)?);
        text.push('\n');
    }
    Ok(text)
}

/// Reads a shard back. `rows` are the ids it must hold, in order.
pub fn read<'a>(
    text: &str,
    rows: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Pair>, ShardFault> {
    let pairs = text
        .lines()
        .zip(1..)
        // The parser's own message would quote the text.
        .map(|(json, line)| serde_json::from_str(json).or(Err(ShardFault::Broken { line })))
        .collect::<Result<Vec<Pair>, _>>()?;
    if pairs.iter().map(|pair| pair.row.as_str()).eq(rows) {
        Ok(pairs)
    } else {
        Err(ShardFault::OtherRows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(row: &str) -> Pair {
        let answer = ModelAnswer {
            text: "line\nbreak é".into(),
            ..ModelAnswer::failed("429", 3)
        };
        Pair {
            row: row.into(),
            base: answer.clone(),
            tuned: answer,
        }
    }

    #[test]
    fn a_shard_is_read_as_it_was_written() {
        let pairs = [pair("a"), pair("b")];
        let text = write(&pairs).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(read(&text, ["a", "b"]).unwrap(), pairs);
    }

    #[test]
    fn a_shard_that_is_not_whole_is_refused() {
        let text = write(&[pair("a"), pair("b")]).unwrap();
        assert_eq!(read(&text, ["a", "c"]), Err(ShardFault::OtherRows));
        assert_eq!(read(&text, ["a"]), Err(ShardFault::OtherRows));
        assert_eq!(read(&text, ["a", "b", "c"]), Err(ShardFault::OtherRows));
        assert_eq!(
            read(&text[..text.len() - 5], ["a", "b"]),
            Err(ShardFault::Broken { line: 2 })
        );
        assert_eq!(read("", ["a"]), Err(ShardFault::OtherRows));
    }

    #[test]
    fn an_interrupted_evaluation_resumes_after_the_shards_that_exist() {
        let all = plan(60);
        let names: Vec<String> = all.iter().map(|shard| shard.name("d")).collect();
        assert_eq!(
            names,
            [
                "d/shard-00000.jsonl",
                "d/shard-00001.jsonl",
                "d/shard-00002.jsonl"
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
        fn shards_cover_every_row_once(rows in 0_usize..3_000) {
            let covered: Vec<usize> = plan(rows).into_iter().flat_map(|shard| shard.rows).collect();
            prop_assert_eq!(covered, (0..rows).collect::<Vec<_>>());
        }
    }
}
