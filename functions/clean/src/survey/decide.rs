//! What only the whole file decides: whether short answers are labels, which rows contradict each
//! other, and where every row goes.

use std::collections::BTreeMap;

use crate::{
    Rows, Settings, Splits, Task, Tokens,
    row::Judgement,
    split::{self, Place},
    tokens,
};

/// What is decided about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Not decided yet; the row has an [`Entry`].
    Candidate,
    /// Left out: rules about single rows reject it.
    Rejected,
    /// Left out: says the same as an earlier row.
    Duplicate,
    /// Not decided yet: says the same as an earlier row, whose answer is short.
    ShortDuplicate,
    /// Left out: its answer is short and no label.
    Short,
    /// Left out: it contradicts another, and the recipe will have none of that.
    Contradiction,
    /// Goes into the training part.
    Train,
    /// Goes into the validation part.
    Validation,
    /// Goes into the part the models are compared with.
    Eval,
}

/// What is remembered of a candidate. Kept at 32 bytes: there can be ten million.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Identifies what is asked.
    pub(super) input: u64,
    /// Identifies the answer, among those to the same question.
    pub(super) output: u32,
    /// Line of the file.
    pub(super) line: u32,
    bytes: u32,
    tokens_input: u32,
    tokens_output: u32,
    /// Whether the answer is short.
    pub(super) short: bool,
    /// What is decided about it.
    pub(super) disposition: Disposition,
}

impl Entry {
    pub(super) fn new(judgement: &Judgement<'_>, line: u32, short: bool) -> Self {
        Self {
            input: judgement.input,
            output: fold(judgement.output),
            line,
            bytes: judgement.bytes,
            tokens_input: judgement.shape.tokens_input,
            tokens_output: judgement.shape.tokens_output,
            short,
            disposition: Disposition::Candidate,
        }
    }
}

/// The low half: what tells two answers to one question apart need not be unique beyond.
fn fold(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
}

/// Counts the different short answers.
#[derive(Debug, Default)]
pub(super) struct Labels {
    counts: BTreeMap<u64, u64>,
    rows: u64,
}

impl Labels {
    /// Most labels a task has: intents and taxonomies of practice have a few dozen.
    const DISTINCT_MAX: usize = 64;

    /// Fewest rows from which repetition means something.
    const ROWS_MIN: u64 = 20;

    /// Fewest rows per label on average.
    const ROWS_PER_LABEL_MIN: u64 = 5;

    pub(super) fn count(&mut self, answer: u64) {
        self.rows += 1;
        // One more than the most shows that there are too many; no need to remember them.
        if self.counts.len() <= Self::DISTINCT_MAX {
            *self.counts.entry(answer).or_default() += 1;
        }
    }

    /// Rows with a short answer.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Different short answers, as far as they were counted.
    pub(super) fn distinct(&self) -> u64 {
        u64::try_from(self.counts.len()).unwrap_or(u64::MAX)
    }

    /// What the rows teach: labels, if half of all answers are short and few among those differ.
    pub(super) fn task(&self, candidates: usize) -> Task {
        let candidates = u64::try_from(candidates).unwrap_or(u64::MAX);
        let labels = self.counts.len() <= Self::DISTINCT_MAX
            && self.rows >= Self::ROWS_MIN
            && self.rows >= self.distinct() * Self::ROWS_PER_LABEL_MIN
            && self.rows * 2 >= candidates;
        if labels {
            Task::Classification
        } else {
            Task::Generation
        }
    }
}

/// The candidates that answer a question in another way than an earlier one, each with the line of
/// the first that contradicts it; with `all`, also those that came first.
pub(super) fn contradictions(entries: &[Entry], all: bool) -> Vec<(usize, u32)> {
    let undecided = |(_, entry): &(usize, &Entry)| entry.disposition == Disposition::Candidate;
    let mut order: Vec<(usize, &Entry)> = entries.iter().enumerate().filter(undecided).collect();
    order.sort_unstable_by_key(|(index, entry)| (entry.input, *index));
    let mut found = Vec::new();
    for group in order.chunk_by(|(_, a), (_, b)| a.input == b.input) {
        let Some((first, _)) = group.split_first() else {
            continue;
        };
        for (index, entry) in group {
            let other = group.iter().find(|(_, other)| other.output != entry.output);
            if let Some((_, other)) = other
                && (all || entry.output != first.1.output)
            {
                found.push((*index, other.line));
            }
        }
    }
    found.sort_unstable();
    found
}

/// What comes of placing every row.
#[derive(Debug)]
pub(super) struct Placed {
    /// Rows by fate.
    pub(super) rows: Rows,
    /// Rows by part.
    pub(super) splits: Splits,
    /// Bytes of the training part.
    pub(super) train_bytes: u64,
    /// Tokens of the kept rows.
    pub(super) tokens: Tokens,
}

/// Splits the candidates up, and decides about every row by it.
pub(super) fn place(
    rows: &mut [Disposition],
    entries: &mut [Entry],
    settings: &Settings,
) -> Placed {
    let kept = |entry: &&mut Entry| entry.disposition == Disposition::Candidate;
    let asked: Vec<split::Row> = entries
        .iter_mut()
        .filter(kept)
        .map(|entry| split::Row {
            input: entry.input,
            bytes: entry.bytes,
        })
        .collect();
    let places = split::plan(&asked, settings);
    let mut splits = Splits::default();
    let mut train_bytes = 0;
    let mut billable = 0;
    let mut inputs = Vec::with_capacity(asked.len());
    let mut outputs = Vec::with_capacity(asked.len());
    for (entry, place) in entries.iter_mut().filter(kept).zip(places) {
        inputs.push(entry.tokens_input);
        outputs.push(entry.tokens_output);
        entry.disposition = match place {
            Place::Train => {
                splits.train += 1;
                train_bytes += u64::from(entry.bytes);
                billable += u64::from(entry.tokens_input) + u64::from(entry.tokens_output);
                Disposition::Train
            }
            Place::Validation => {
                splits.validation += 1;
                Disposition::Validation
            }
            Place::Eval => {
                splits.eval += 1;
                Disposition::Eval
            }
        };
    }
    let mut decided = entries.iter().map(|entry| entry.disposition);
    for row in rows.iter_mut() {
        if *row == Disposition::Candidate {
            *row = decided.next().unwrap_or(Disposition::Rejected);
        }
    }
    Placed {
        rows: count(rows),
        splits,
        train_bytes,
        tokens: Tokens {
            method: tokens::METHOD.to_owned(),
            input: tokens::distribution(&mut inputs),
            output: tokens::distribution(&mut outputs),
            billable_per_epoch: billable,
        },
    }
}

fn count(rows: &[Disposition]) -> Rows {
    let mut counted = Rows::default();
    for row in rows {
        counted.read += 1;
        match row {
            Disposition::Train | Disposition::Validation | Disposition::Eval => counted.kept += 1,
            Disposition::Duplicate => counted.duplicate += 1,
            Disposition::Rejected
            | Disposition::Short
            | Disposition::Contradiction
            | Disposition::Candidate
            | Disposition::ShortDuplicate => counted.rejected += 1,
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stays_small() {
        assert_eq!(size_of::<Entry>(), 32);
    }

    #[track_caller]
    fn check(short_answers: &[u64], candidates: usize, expected: Task) {
        let mut labels = Labels::default();
        for answer in short_answers {
            labels.count(*answer);
        }
        assert_eq!(
            labels.task(candidates),
            expected,
            "{short_answers:?} of {candidates}"
        );
    }

    #[test]
    fn labels_are_few_and_come_often() {
        check(&[], 0, Task::Generation);
        check(&[1; 19], 19, Task::Generation);
        check(&[1; 20], 20, Task::Classification);
        check(&[1; 20], 41, Task::Generation);
        let various: Vec<u64> = (0..100).collect();
        check(&various, 100, Task::Generation);
        let many: Vec<u64> = (0..100).map(|n| n % 20).collect();
        check(&many, 100, Task::Classification);
    }
}
