//! What the rows of one side of a diff are like, in numbers.

use std::collections::BTreeMap;

use clean_engine::{ColumnReport, RowTraits};

/// Most distinct short answers that are labels; with more, answers are texts.
const LABELS_MAX: usize = 1_000;

/// Fewest rows for each label on average.
const ROWS_PER_LABEL_MIN: u64 = 5;

/// What the rows of a side are like.
#[derive(Debug, Clone, Default)]
pub(super) struct SideProfile {
    rows: u64,
    question_chars: Vec<u32>,
    answer_chars: Vec<u32>,
    languages: BTreeMap<&'static str, u64>,
    /// Rows by short answer; more than [`LABELS_MAX`] of them if there are too many for labels.
    short_answers: BTreeMap<String, u64>,
    columns: BTreeMap<String, u64>,
}

/// A share of the rows of a side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RowShare {
    pub(super) rows: u64,
    pub(super) of: u64,
}

impl RowShare {
    /// In percent; 0 of no rows.
    pub(super) fn percent(self) -> f64 {
        if self.of == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "far fewer rows than 2⁵³")]
        let percent = self.rows as f64 * 100.0 / self.of as f64;
        percent
    }
}

impl SideProfile {
    /// Adds a row.
    pub(super) fn add(&mut self, traits: RowTraits) {
        self.rows += 1;
        self.question_chars.push(traits.question_chars);
        self.answer_chars.push(traits.answer_chars);
        if let Some(language) = traits.language {
            *self.languages.entry(language).or_default() += 1;
        }
        if let Some(label) = traits.label
            && self.short_answers.len() <= LABELS_MAX
        {
            *self.short_answers.entry(label).or_default() += 1;
        }
    }

    /// Adds the columns of a file.
    pub(super) fn add_columns(&mut self, columns: BTreeMap<String, ColumnReport>) {
        for (name, column) in columns {
            *self.columns.entry(name).or_default() += column.rows;
        }
    }

    /// The lengths of questions in characters: median, and 95th percentile.
    pub(super) fn question_chars(&self) -> [u32; 2] {
        percentiles(&self.question_chars)
    }

    /// The lengths of answers.
    pub(super) fn answer_chars(&self) -> [u32; 2] {
        percentiles(&self.answer_chars)
    }

    /// Whether the answers are labels: short, and few of them differ.
    pub(super) fn has_labels(&self) -> bool {
        let short: u64 = self.short_answers.values().sum();
        let distinct = u64::try_from(self.short_answers.len()).unwrap_or(u64::MAX);
        self.short_answers.len() <= LABELS_MAX
            && short * 2 >= self.rows
            && short >= distinct * ROWS_PER_LABEL_MIN
            && short > 0
    }

    /// The names of its labels, languages or columns.
    pub(super) fn names(&self, kind: ShareKind) -> impl Iterator<Item = &str> {
        let (labels, languages, columns) = match kind {
            ShareKind::Label => (Some(self.short_answers.keys()), None, None),
            ShareKind::Language => (None, Some(self.languages.keys()), None),
            ShareKind::Column => (None, None, Some(self.columns.keys())),
        };
        let texts = labels.into_iter().chain(columns).flatten();
        let codes = languages.into_iter().flatten();
        texts.map(String::as_str).chain(codes.copied())
    }

    /// The share of the rows with this label, language or column.
    pub(super) fn share(&self, kind: ShareKind, name: &str) -> RowShare {
        let rows = match kind {
            ShareKind::Label => self.short_answers.get(name),
            ShareKind::Language => self.languages.get(name),
            ShareKind::Column => self.columns.get(name),
        };
        RowShare {
            rows: rows.copied().unwrap_or_default(),
            of: match kind {
                // Short answers have no language that is certain.
                ShareKind::Language => self.languages.values().sum(),
                ShareKind::Label | ShareKind::Column => self.rows,
            },
        }
    }
}

/// What rows can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShareKind {
    /// The answer, where answers are labels.
    Label,
    /// The language of the answer.
    Language,
    /// A column.
    Column,
}

/// The median and the 95th percentile, by nearest rank; 0 of nothing.
fn percentiles(lengths: &[u32]) -> [u32; 2] {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    [50, 95].map(|percent| {
        let rank = (sorted.len() * percent).div_ceil(100);
        let at = rank.saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        assert_eq!(percentiles(&[]), [0, 0]);
        assert_eq!(percentiles(&[7]), [7, 7]);
        let hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(percentiles(&hundred), [50, 95]);
    }

    #[test]
    fn answers_are_labels_where_few_differ() {
        let profile = |answers: &[&str]| {
            let mut profile = SideProfile::default();
            for answer in answers {
                profile.add(RowTraits {
                    question_chars: 9,
                    answer_chars: 4,
                    language: None,
                    label: Some((*answer).to_owned()),
                });
            }
            profile
        };
        assert!(profile(&["yes", "no"].repeat(5)).has_labels());
        assert!(!profile(&["yes", "no", "maybe"]).has_labels());
        assert!(!profile(&[]).has_labels());
    }
}
