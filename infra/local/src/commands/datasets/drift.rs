//! How the rows of one side differ from those of the other on the whole: in length, labels, languages and
//! columns.

use std::collections::BTreeSet;

use serde::Serialize;

use super::profile::{ShareKind, SideProfile};

/// Percentage points by which a share has changed.
const POINTS_MIN: f64 = 5.0;

/// Percent of the rows from which on something new, or something that is gone, matters.
const NEW_PERCENT_MIN: f64 = 1.0;

/// Most changed shares of a kind that are listed.
const LISTED_MAX: usize = 10;

/// The drift between two sides. Fields are only ever added.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Drift {
    /// Characters of the questions, without system instructions.
    pub(super) question_chars: LengthChange,
    /// Characters of the answers.
    pub(super) answer_chars: LengthChange,
    /// Labels whose share of the rows has changed by 5 points, or that are new or gone; the largest
    /// changes first.
    pub(super) labels: Vec<ShareChange>,
    /// Languages of the answers likewise.
    pub(super) languages: Vec<ShareChange>,
    /// Columns likewise, of files that `lapidary clean` did not write.
    pub(super) columns: Vec<ShareChange>,
}

/// Lengths on both sides.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct LengthChange {
    /// Median and 95th percentile in A.
    pub(super) a: [u32; 2],
    /// Median and 95th percentile in B.
    pub(super) b: [u32; 2],
}

/// A share of the rows that has changed.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ShareChange {
    /// Of what.
    pub(super) name: String,
    /// In percent of the rows of A.
    pub(super) a: f64,
    /// In percent of the rows of B.
    pub(super) b: f64,
}

impl Drift {
    /// Compares two sides.
    pub(super) fn between(a: &SideProfile, b: &SideProfile) -> Self {
        let labels = if a.has_labels() && b.has_labels() {
            changes(ShareKind::Label, a, b)
        } else {
            Vec::new()
        };
        Self {
            question_chars: LengthChange {
                a: a.question_chars(),
                b: b.question_chars(),
            },
            answer_chars: LengthChange {
                a: a.answer_chars(),
                b: b.answer_chars(),
            },
            labels,
            languages: changes(ShareKind::Language, a, b),
            columns: changes(ShareKind::Column, a, b),
        }
    }
}

/// The shares of a kind that have changed, the most first.
fn changes(kind: ShareKind, a: &SideProfile, b: &SideProfile) -> Vec<ShareChange> {
    let names: BTreeSet<&str> = a.names(kind).chain(b.names(kind)).collect();
    // A side without any such thing, a version of `lapidary clean` for one, is not compared.
    if a.names(kind).next().is_none() || b.names(kind).next().is_none() {
        return Vec::new();
    }
    let change = |name: &str| ShareChange {
        name: name.to_owned(),
        a: rounded(a.share(kind, name).percent()),
        b: rounded(b.share(kind, name).percent()),
    };
    let mut changes: Vec<ShareChange> = names.into_iter().map(change).collect();
    changes.retain(ShareChange::matters);
    changes.sort_by(|one, other| other.points().total_cmp(&one.points()));
    changes.truncate(LISTED_MAX);
    changes
}

impl ShareChange {
    fn points(&self) -> f64 {
        (self.a - self.b).abs()
    }

    fn matters(&self) -> bool {
        let appears = self.a.min(self.b) == 0.0 && self.a.max(self.b) >= NEW_PERCENT_MIN;
        appears || self.points() >= POINTS_MIN
    }
}

/// To a tenth of a point.
fn rounded(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

#[cfg(test)]
pub(super) mod tests {
    use clean_engine::RowTraits;

    use super::*;

    /// A side of rows of such labels, so many of each, in such a language.
    pub(in super::super) fn profile(
        labels: &[(&str, usize)],
        language: &'static str,
        question_chars: u32,
    ) -> SideProfile {
        let mut profile = SideProfile::default();
        for (label, rows) in labels {
            for _ in 0..*rows {
                profile.add(RowTraits {
                    question_chars,
                    answer_chars: 4,
                    language: Some(language),
                    label: Some((*label).to_owned()),
                });
            }
        }
        profile
    }

    #[test]
    fn what_changes_is_named_with_its_numbers() {
        let a = profile(&[("refund", 50), ("delivery", 50)], "eng", 100);
        let b = profile(
            &[("refund", 30), ("delivery", 68), ("fraud", 2)],
            "deu",
            240,
        );
        let drift = Drift::between(&a, &b);
        let change = |name: &str, a, b| ShareChange {
            name: name.to_owned(),
            a,
            b,
        };
        assert_eq!(
            drift.labels,
            [
                change("refund", 50.0, 30.0),
                change("delivery", 50.0, 68.0),
                change("fraud", 0.0, 2.0)
            ]
        );
        assert_eq!(
            drift.languages,
            [change("deu", 0.0, 100.0), change("eng", 100.0, 0.0)]
        );
        assert_eq!(drift.question_chars.a, [100, 100]);
        assert_eq!(drift.question_chars.b, [240, 240]);
        assert_eq!(drift.columns, []);
    }

    #[test]
    fn what_stays_the_same_is_not_named() {
        let a = profile(&[("refund", 50), ("delivery", 50)], "eng", 100);
        let b = profile(&[("refund", 52), ("delivery", 48)], "eng", 100);
        let drift = Drift::between(&a, &b);
        assert_eq!((drift.labels, drift.languages), (vec![], vec![]));
    }
}
