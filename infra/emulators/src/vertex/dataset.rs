//! What the service finds in a training file: dropped rows, token counts, and reasons to fail.
//!
//! Unusable rows are dropped and counted. The job fails only if no usable row is left, or if the file
//! as a whole exceeds a limit.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    limits::{self, Size},
    number::{Seed, count, fingerprint, real},
    row::{self, TrainingRow},
    stats::{DatasetDistribution, percentile},
};

/// Dropped rows that are listed by number; the API calls its list "a partial sample".
const SAMPLE_MAX: usize = 20;
/// Rows in `userDatasetExamples`.
const SHOWN_MAX: usize = 3;
/// Maximum size of such a row; longer ones are omitted, to keep a job small.
const SHOWN_MAX_BYTES: usize = 2_000;
/// Distinct words and answers that are counted; more would change the estimate little.
const DISTINCT_MAX: usize = 50_000;
/// If the typical answer is shorter than this, and nearly all rows have the same, training stalls.
const STALL_BELOW_WORDS: f64 = 3.0;
/// The share of rows with the same answer from which on training stalls.
const STALL_SAME_SHARE: f64 = 0.8;

/// All that the job stores about its training and validation files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DatasetReport {
    /// Why the job fails once the data is processed.
    pub(super) fatal: Option<String>,
    /// Rows that are trained on.
    pub(super) rows: u64,
    /// Rows of the validation file; `None` without one.
    pub(super) validation_rows: Option<u64>,
    /// Rows that were dropped.
    pub(super) dropped: u64,
    /// A sample of them: the number of the row from 1, and the reason.
    pub(super) dropped_sample: Vec<(u64, String)>,
    /// Characters of all rows that are trained on.
    pub(super) characters: u64,
    /// Tokens outside the model's turns, by row.
    pub(super) input_tokens: DatasetDistribution,
    /// Tokens of the model's turns, by row.
    pub(super) output_tokens: DatasetDistribution,
    /// User turns, by row.
    pub(super) messages: DatasetDistribution,
    /// The `contents` of some rows, as JSON.
    pub(super) shown: Vec<String>,
    /// Entropy of the words of the answers, in nats: how much there is to learn.
    pub(super) entropy: f64,
    /// The share of rows whose answer occurs in another row as well.
    pub(super) repeats: f64,
    /// Whether training stalls: see [`STALL_BELOW_WORDS`].
    pub(super) stalls: bool,
    /// The digest of the training file.
    pub(super) digest: Seed,
}

impl DatasetReport {
    /// Tokens billed for one epoch: the field `totalBillableTokenCount` does not count epochs.
    pub(super) fn billable_tokens(&self) -> u64 {
        self.input_tokens.sum + self.output_tokens.sum
    }
}

/// Inspects a training file and, if there is one, a validation file.
pub(super) fn inspect(training: &[u8], validation: Option<&[u8]>) -> DatasetReport {
    let read = Reading::of(training);
    let mut report = read.report(Seed::of_file(training));
    let size = read.size(training);
    report.fatal = limits::training_error(&size);
    if let Some(validation) = validation {
        let found = Reading::of(validation);
        report.validation_rows = Some(found.rows());
        report.fatal = report
            .fatal
            .or_else(|| limits::validation_error(&found.size(validation), &size));
    }
    report
}

/// The examples of a training file in order, from which a tuned endpoint answers.
pub(super) fn examples(training: &[u8]) -> impl Iterator<Item = TrainingRow> {
    lines(training).filter_map(|(_, line)| row::read(line).ok())
}

fn lines(file: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    // A byte order mark is not valid JSON: the service refuses the first line, and so does this.
    (1..)
        .zip(file.split(|byte| *byte == b'\n'))
        .filter(|(_, line)| !line.trim_ascii().is_empty())
}

#[derive(Debug, Default)]
struct Reading {
    lines: u64,
    not_json: u64,
    dropped: u64,
    dropped_sample: Vec<(u64, String)>,
    characters: u64,
    input: Vec<u64>,
    output: Vec<u64>,
    messages: Vec<u64>,
    answer_words: Vec<u64>,
    answers: HashMap<u64, u64>,
    words: HashMap<u64, u64>,
    shown: Vec<String>,
}

impl Reading {
    fn of(file: &[u8]) -> Self {
        let mut reading = Self::default();
        for (number, line) in lines(file) {
            reading.lines += 1;
            match row::read(line) {
                Ok(example) => reading.take(&example, line),
                Err(error) => reading.drop_row(number, error),
            }
        }
        reading
    }

    fn rows(&self) -> u64 {
        count(self.input.len())
    }

    fn size(&self, file: &[u8]) -> Size<'_> {
        Size {
            bytes: count(file.len()),
            lines: self.lines,
            not_json: self.not_json,
            rows: self.rows(),
            first_dropped: self.dropped_sample.first(),
        }
    }

    fn drop_row(&mut self, number: u64, error: row::RowError) {
        self.dropped += 1;
        self.not_json += u64::from(error == row::RowError::InvalidJson);
        if self.dropped_sample.len() < SAMPLE_MAX {
            self.dropped_sample.push((number, error.to_string()));
        }
    }

    fn take(&mut self, example: &TrainingRow, line: &[u8]) {
        self.characters += example.characters;
        self.input.push(example.input_tokens);
        self.output.push(example.output_tokens);
        self.messages.push(example.user_turns);
        let mut words = 0;
        for word in example.answer.split_whitespace() {
            words += 1;
            tally(&mut self.words, word);
        }
        self.answer_words.push(words);
        tally(&mut self.answers, example.answer.trim());
        if self.shown.len() < SHOWN_MAX && line.len() <= SHOWN_MAX_BYTES {
            self.shown.push(String::from_utf8_lossy(line).into_owned());
        }
    }

    fn report(&self, digest: Seed) -> DatasetReport {
        let rows = real(self.rows().max(1));
        let commonest = self.answers.values().copied().max().unwrap_or(0);
        let median_words = percentile(&mut self.answer_words.clone(), 0.5);
        let repeated: u64 = self.answers.values().filter(|times| **times > 1).sum();
        DatasetReport {
            fatal: None,
            rows: self.rows(),
            validation_rows: None,
            dropped: self.dropped,
            dropped_sample: self.dropped_sample.clone(),
            characters: self.characters,
            input_tokens: DatasetDistribution::of(&self.input),
            output_tokens: DatasetDistribution::of(&self.output),
            messages: DatasetDistribution::of(&self.messages),
            shown: self.shown.clone(),
            entropy: entropy(&self.words),
            repeats: real(repeated) / rows,
            stalls: median_words < STALL_BELOW_WORDS && real(commonest) / rows >= STALL_SAME_SHARE,
            digest,
        }
    }
}

fn tally(counts: &mut HashMap<u64, u64>, text: &str) {
    let key = fingerprint(text);
    if counts.len() < DISTINCT_MAX || counts.contains_key(&key) {
        *counts.entry(key).or_default() += 1;
    }
}

fn entropy(words: &HashMap<u64, u64>) -> f64 {
    let all = real(words.values().sum());
    // Summed by frequency: a sum in the order of the map would differ from run to run.
    let mut by_count: BTreeMap<u64, u64> = BTreeMap::new();
    for times in words.values() {
        *by_count.entry(*times).or_default() += 1;
    }
    by_count
        .into_iter()
        .map(|(times, words)| {
            let share = real(times) / all;
            -real(words) * share * share.ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(prompt: &str, answer: &str) -> String {
        let turn =
            |role: &str, text: &str| serde_json::json!({"role": role, "parts": [{"text": text}]});
        serde_json::json!({"contents": [turn("user", prompt), turn("model", answer)]}).to_string()
    }

    fn file(rows: u64) -> String {
        let rows: Vec<String> = (0..rows)
            .map(|n| {
                row(
                    &format!("question {n}?"),
                    &format!("the answer to it is {n}"),
                )
            })
            .collect();
        rows.join("\n")
    }

    #[track_caller]
    fn check_fatal(training: &str, validation: Option<&str>, expected: Option<&str>) {
        let report = inspect(training.as_bytes(), validation.map(str::as_bytes));
        match (&report.fatal, expected) {
            (None, None) => {}
            (Some(found), Some(text)) if found.contains(text) => {}
            _ => panic!("{:?}, expected {expected:?}", report.fatal),
        }
    }

    #[test]
    fn only_a_file_without_usable_rows_fails_the_job() {
        check_fatal("", None, Some("is empty"));
        check_fatal("\n \n", None, Some("is empty"));
        check_fatal("a,b\nc,d", None, Some("not in JSONL format"));
        check_fatal("{\"input\":\"x\"}", None, Some("missing_contents_list"));
        check_fatal(&format!("{}\nrubbish", file(3)), None, None);
    }

    #[test]
    fn a_validation_file_must_satisfy_both_rules() {
        check_fatal(&file(100), Some(&file(10)), None);
        check_fatal(&file(100), Some(&file(40)), Some("bytes, more than 25%"));
        check_fatal(&file(30_000), Some(&file(5_001)), Some("at most 5000"));
        check_fatal(&file(4_000), Some(&file(1_300)), Some("more than 30%"));
        check_fatal(&file(100), Some("{}"), Some("no valid example"));
    }

    #[test]
    fn dropped_rows_are_listed_with_number_and_reason() {
        let report = inspect(format!("{}\n{{}}\n\n[]", file(2)).as_bytes(), None);
        assert_eq!((report.rows, report.dropped), (2, 2));
        let numbers: Vec<u64> = report.dropped_sample.iter().map(|(row, _)| *row).collect();
        assert_eq!(numbers, [3, 5]);
    }

    #[test]
    fn one_short_answer_everywhere_stalls_but_labels_do_not() {
        let same: Vec<String> = (0..20).map(|n| row(&n.to_string(), "yes")).collect();
        assert!(inspect(same.join("\n").as_bytes(), None).stalls);
        let labels: Vec<String> = (0..20)
            .map(|n| {
                row(
                    &n.to_string(),
                    if n % 2 == 0 { "positive" } else { "negative" },
                )
            })
            .collect();
        assert!(!inspect(labels.join("\n").as_bytes(), None).stalls);
    }

    proptest! {
        #[test]
        fn every_line_is_either_used_or_dropped(lines in prop::collection::vec("[^\n]{0,40}", 0..20)) {
            let file = lines.join("\n");
            let report = inspect(file.as_bytes(), None);
            let written = lines.iter().filter(|line| !line.as_bytes().trim_ascii().is_empty()).count();
            prop_assert_eq!(report.rows + report.dropped, count(written));
            prop_assert!(report.entropy.is_finite());
        }
    }
}
