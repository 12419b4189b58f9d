//! Answers are stored in shards, so that an interrupted evaluation resumes where it stopped.
//!
//! A shard holds the answers to consecutive rows of the sample. It is one object, with a name derived from the sample, and is
//! created only if absent. A redelivered evaluation lists the shards that exist and asks for the [`missing`] ones: no answer is
//! paid for twice.

use std::{collections::BTreeSet, ops::Range};

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

/// Why a shard that exists cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardFault {
    /// Truncated, or not written by this code.
    #[error("line {line} is not a pair of answers")]
    Broken {
        /// From 1.
        line: usize,
    },
    /// The rows are not those of the shard.
    #[error("the rows are not those of the shard")]
    OtherRows,
}

impl Shard {
    /// The name of its object, in the evaluation's folder. `digest` is [`crate::sample::RowSample::digest`]: answers to other
    /// rows never have the same name.
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

/// The shards that are not among the names that exist. Other names are ignored.
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
        // The parser's own message would quote the answer, which must not reach a log.
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
    fn an_incomplete_shard_is_refused() {
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
