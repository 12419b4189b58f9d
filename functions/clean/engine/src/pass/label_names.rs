//! Looks at the labels of a classification: which are nearly the same, and which occur only once.

use std::collections::BTreeMap;

use rapidfuzz::distance::osa;

use crate::{
    findings::Findings,
    processed::RowSummary,
    row_span::{RowNumbers, RowPosition},
    rule::Fault,
    rules::{rare_label, similar_labels},
    settings::Settings,
};

/// Most labels that are compared with each other.
const LABELS_MAX: usize = 1_000;

/// Fewest characters of a name in which one other character is a slip.
const SLIP_CHARS_MIN: usize = 5;

/// How many times as many rows a label has than one that is a misspelling of it.
const SLIP_ROWS_FACTOR: u64 = 10;

/// Fewest rows of a dataset in which a label of one row is an exception.
const RARE_OF_ROWS_MIN: u64 = 20;

/// The labels so far.
#[derive(Debug, Default)]
pub(super) struct LabelNames {
    /// By the digest of the answer.
    labels: BTreeMap<u64, NamedLabel>,
}

/// A label, and the rows that have it.
#[derive(Debug)]
struct NamedLabel {
    /// Its name, without what letters and digits do not show.
    name: String,
    rows: u64,
    first: RowPosition,
}

impl LabelNames {
    /// Adds names by the digests of answers.
    pub(super) fn name(&mut self, names: &BTreeMap<u64, String>) {
        for (digest, name) in names {
            if self.labels.len() >= LABELS_MAX {
                return;
            }
            self.labels.entry(*digest).or_insert_with(|| NamedLabel {
                name: name.clone(),
                rows: 0,
                first: RowPosition::FILE,
            });
        }
    }

    /// Counts the row at `position`.
    pub(super) fn count(&mut self, row: &RowSummary, position: RowPosition) {
        let Some(label) = self.labels.get_mut(&row.output) else {
            return;
        };
        if label.rows == 0 {
            label.first = position;
        }
        label.rows += 1;
    }

    /// The findings about the labels, where the answers are labels.
    pub(super) fn findings(&self, numbers: &RowNumbers, settings: &Settings) -> Findings {
        let mut found = Findings::new(settings.findings_max);
        let mut labels: Vec<&NamedLabel> = self.labels.values().collect();
        labels.retain(|label| label.rows > 0);
        let all: u64 = labels.iter().map(|label| label.rows).sum();
        labels.sort_by_key(|label| label.first.order());
        for label in &labels {
            let like = |other: &&&NamedLabel| other.rows > label.rows && is_slip(label, other);
            let same = |other: &&&NamedLabel| {
                other.name == label.name && other.first.order() < label.first.order()
            };
            let mut others = labels.iter();
            let other = others.clone().find(same).or_else(|| others.find(like));
            if let Some(other) = other {
                let place = numbers.name(other.first.number());
                let message = format!(
                    "its label, of {} rows, is nearly the same as that of {place}, of {} rows",
                    label.rows, other.rows
                );
                let fault = Fault::new(&similar_labels::RULE).with_message(message);
                let severity = settings.severity(fault.rule);
                found.add_at(fault, severity, label.first);
            } else if label.rows == 1 && all >= RARE_OF_ROWS_MIN {
                let fault = Fault::new(&rare_label::RULE);
                let severity = settings.severity(fault.rule);
                found.add_at(fault, severity, label.first);
            }
        }
        found
    }
}

/// Whether `label` looks like a misspelling of the `other`: it is far rarer, and one letter differs.
fn is_slip(label: &NamedLabel, other: &NamedLabel) -> bool {
    let (one, two) = (label.name.as_str(), other.name.as_str());
    let letters = |name: &str| name.chars().filter(|c| !c.is_numeric()).count();
    let numbers = |name: &str| -> String { name.chars().filter(|c| c.is_numeric()).collect() };
    label.rows * SLIP_ROWS_FACTOR <= other.rows
        && letters(one).min(letters(two)) >= SLIP_CHARS_MIN
        && numbers(one) == numbers(two)
        && osa::distance(one.chars(), two.chars()) == 1
}
