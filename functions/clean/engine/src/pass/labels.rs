//! Whether short answers are labels: their key says so, or there are few of them and each is
//! frequent.

use std::collections::BTreeMap;

use crate::{
    processed::{RowKind, RowSummary},
    task::Task,
};

/// Counts distinct short answers.
#[derive(Debug, Default)]
pub(super) struct LabelCounts {
    counts: BTreeMap<u64, u64>,
    rows: u64,
    /// Rows among these whose answer is data or code.
    structured: u64,
    /// Rows among these whose key says that the answer is a label.
    named: u64,
}

impl LabelCounts {
    /// Most labels of a task: intent datasets have up to 150, taxonomies some hundreds.
    const DISTINCT_MAX: usize = 1_000;

    /// Fewest rows from which repetition is evidence.
    const ROWS_MIN: u64 = 20;

    /// Fewest rows per label on average.
    const ROWS_PER_LABEL_MIN: u64 = 5;

    /// Counts an example if its answer is short.
    pub(super) fn count(&mut self, row: &RowSummary) {
        match row.kind {
            RowKind::Rejected | RowKind::Example => {}
            RowKind::Short | RowKind::Brief => self.add(row.output),
            RowKind::Structured => {
                self.structured += 1;
                self.add(row.output);
            }
            RowKind::Label => {
                self.named += 1;
                self.add(row.output);
            }
        }
    }

    fn add(&mut self, answer: u64) {
        self.rows += 1;
        // One more than the limit proves that there are too many, and bounds the memory.
        if self.counts.len() <= Self::DISTINCT_MAX {
            *self.counts.entry(answer).or_default() += 1;
        }
    }

    /// Rows with a short answer in words.
    pub(super) fn rows(&self) -> u64 {
        self.rows - self.structured
    }

    /// Distinct short answers, up to one more than the limit.
    pub(super) fn distinct(&self) -> u64 {
        u64::try_from(self.counts.len()).unwrap_or(u64::MAX)
    }

    /// Whether short answers are what the rows teach, labels or not: at least half of all are short.
    pub(super) fn are_usual(&self, candidates: u64) -> bool {
        self.rows >= Self::ROWS_MIN && self.rows * 2 >= candidates
    }

    /// The task: classification, if at least half of all answers are named labels, or are short and
    /// few of them differ.
    pub(super) fn task(&self, candidates: u64) -> Task {
        let named = self.named > 0 && self.named * 2 >= candidates;
        let alike = self.counts.len() <= Self::DISTINCT_MAX
            && self.rows >= Self::ROWS_MIN
            && self.rows >= self.distinct() * Self::ROWS_PER_LABEL_MIN
            && self.rows * 2 >= candidates;
        if named || alike {
            Task::Classification
        } else {
            Task::Generation
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(short_answers: &[u64], candidates: u64, expected: Task) {
        let mut labels = LabelCounts::default();
        for answer in short_answers {
            labels.add(*answer);
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
