//! Totals over all rows.

use std::collections::BTreeMap;

use super::{
    histogram::Histogram, label_names::LabelNames, labels::LabelCounts, languages::LanguageCounts,
    outcome::Sample, reserve::ReservedRow,
};
use crate::{
    column_use::ColumnTotals,
    processed::{ProcessedBatch, RowSummary},
    report::{RowCounts, SplitCounts},
    row_span::RowPosition,
    settings::Settings,
    split::{Split, Volume},
};

/// Samples in a manifest.
const SAMPLES_MAX: usize = 3;

/// Totals over all rows.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) rows: RowCounts,
    pub(super) splits: SplitCounts,
    pub(super) blank_lines: u64,
    /// Rows rejected only because their answer is short.
    pub(super) rejected_short: u64,
    /// Kept rows that have a system instruction.
    pub(super) systems: u64,
    pub(super) labels: LabelCounts,
    pub(super) label_names: LabelNames,
    /// Rows for training that are nearly the same as rows for evaluation.
    pub(super) near_leaks: u64,
    pub(super) languages: LanguageCounts,
    /// The training split.
    pub(super) train: Volume,
    /// All kept rows.
    pub(super) kept: Volume,
    pub(super) tokens_input: Histogram,
    pub(super) tokens_output: Histogram,
    pub(super) billable: u64,
    /// The same, where each model turn is billed with all that precedes it.
    pub(super) billable_max: u64,
    pub(super) formats: BTreeMap<&'static str, u64>,
    pub(super) samples: Vec<Sample>,
    /// What became of the columns.
    pub(super) columns: ColumnTotals,
    /// Whether any row was JSON.
    pub(super) readable: bool,
    /// What the first row looks like, for a file in which none is JSON.
    pub(super) guess: Option<&'static str>,
}

impl Totals {
    /// Adds the counts of a batch.
    pub(super) fn note(&mut self, processed: &ProcessedBatch, settings: &Settings) {
        self.columns.add(&processed.columns, settings);
        self.label_names.name(&processed.labels);
        for (format, rows) in &processed.formats {
            *self.formats.entry(format).or_default() += rows;
        }
        self.blank_lines += processed.lines.blank;
        self.readable |= processed.readable;
        if !processed.rows.is_empty() {
            self.guess.get_or_insert(processed.guess);
        }
    }

    /// Counts a kept row.
    pub(super) fn keep(&mut self, row: &RowSummary, position: RowPosition, record: &[u8]) {
        if let Some(language) = row.language {
            self.languages.count(language, position);
        }
        self.rows.kept += 1;
        self.kept.rows += 1;
        self.systems += u64::from(row.system);
        self.kept.bytes += u64::from(row.record);
        self.tokens_input.add(row.tokens_input);
        self.tokens_output.add(row.tokens_output);
        if self.samples.len() < SAMPLES_MAX {
            self.samples.extend(Sample::of_record(record));
        }
    }

    /// Turns every kept row into a rejected one.
    pub(super) fn refuse(&mut self) {
        *self = Self {
            rows: RowCounts {
                kept: 0,
                rejected: self.rows.rejected + self.rows.kept,
                ..self.rows
            },
            formats: std::mem::take(&mut self.formats),
            columns: std::mem::take(&mut self.columns),
            blank_lines: self.blank_lines,
            readable: self.readable,
            guess: self.guess,
            ..Self::default()
        };
    }

    /// Counts a row in its split.
    pub(super) fn place(&mut self, row: &ReservedRow, split: Split) {
        match split {
            Split::Train => {
                self.splits.train += 1;
                self.train.rows += 1;
                self.train.bytes += u64::from(row.bytes);
                self.billable += u64::from(row.tokens_input) + u64::from(row.tokens_output);
                self.billable_max += u64::from(row.tokens_per_turn);
            }
            Split::Validation => self.splits.validation += 1,
            Split::Eval => self.splits.eval += 1,
            Split::LeftOut => {}
        }
    }
}
