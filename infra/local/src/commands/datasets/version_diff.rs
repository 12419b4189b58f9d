//! The difference between two sides: rows that only one of them has, rows that moved, questions
//! with another answer.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;

use super::{
    drift::Drift,
    row::{RowFile, RowLocation, RowRef},
    side::DiffSide,
};

/// Rows that are listed of each kind.
const FIRST_MAX: usize = 5;

/// The difference between two sides. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct VersionDiff {
    /// Whether both have the same rows in the same files, in the same prompt.
    pub(super) same: bool,
    /// Whether the recipes of the two put another system instruction or template around each row. Rows are
    /// compared without them.
    pub(super) prompt_differs: bool,
    /// The older side.
    pub(super) a: SideSummary,
    /// The newer side.
    pub(super) b: SideSummary,
    /// Rows that both have.
    pub(super) kept: u64,
    /// Rows that only B has.
    pub(super) added: RowList<RowLocation>,
    /// Rows that only A has.
    pub(super) removed: RowList<RowLocation>,
    /// Questions that both have, with another answer.
    pub(super) changed: RowList<RowMove>,
    /// Questions that both have, in another file; empty where a side is a single file.
    pub(super) moved: RowList<RowMove>,
    /// Questions that A trains on and B evaluates models with: a model tuned on A has seen them.
    pub(super) leaks: RowList<RowMove>,
    /// How the rows differ on the whole.
    pub(super) drift: Drift,
}

/// A side in numbers.
#[derive(Debug, Serialize)]
pub(super) struct SideSummary {
    /// The argument that named it.
    pub(super) name: String,
    /// Its rows by file.
    pub(super) parts: BTreeMap<RowFile, u64>,
    /// Lines that are not rows in a known format, and were not compared.
    pub(super) unread: u64,
}

/// The rows of one kind: their number, and the first of them.
#[derive(Debug, Serialize)]
pub(super) struct RowList<T> {
    /// Their number.
    pub(super) rows: u64,
    /// The first, in the order of files and lines.
    pub(super) first: Vec<T>,
}

/// The locations of the same question on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct RowMove {
    /// In A.
    pub(super) from: RowLocation,
    /// In B.
    pub(super) to: RowLocation,
}

/// Compares two sides.
pub(super) fn diff(mut a: DiffSide, mut b: DiffSide) -> VersionDiff {
    let summary = |side: &DiffSide| SideSummary {
        name: side.name.clone(),
        parts: side.parts(),
        unread: side.unread,
    };
    let mut found = VersionDiff {
        same: false,
        prompt_differs: a.prompt != b.prompt,
        a: summary(&a),
        b: summary(&b),
        kept: 0,
        added: RowList::default(),
        removed: RowList::default(),
        changed: RowList::default(),
        moved: RowList::default(),
        leaks: RowList::default(),
        drift: Drift::between(&a.profile, &b.profile),
    };
    a.rows.sort_unstable();
    b.rows.sort_unstable();
    let same_question =
        |one: &RowRef, other: &RowRef| one.identity.question == other.identity.question;
    let mut before = a.rows.chunk_by(same_question).peekable();
    let mut now = b.rows.chunk_by(same_question).peekable();
    loop {
        let order = match (before.peek(), now.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => question(one).cmp(&question(other)),
        };
        let of_a = if order.is_le() { before.next() } else { None };
        let of_b = if order.is_ge() { now.next() } else { None };
        found.question(of_a.unwrap_or_default(), of_b.unwrap_or_default());
    }
    let differences = [
        found.added.rows,
        found.removed.rows,
        found.changed.rows,
        found.moved.rows,
    ];
    found.same = differences.iter().all(|rows| *rows == 0) && !found.prompt_differs;
    found
}

fn question(rows: &[RowRef]) -> Option<u64> {
    rows.first().map(|row| row.identity.question)
}

impl VersionDiff {
    /// Compares all rows with the same question, each side sorted by answer.
    fn question(&mut self, before: &[RowRef], now: &[RowRef]) {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        let (mut before_left, mut now_left) = (before.iter().peekable(), now.iter().peekable());
        loop {
            let order = match (before_left.peek(), now_left.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.identity.answer.cmp(&b.identity.answer),
            };
            let a = if order.is_le() {
                before_left.next()
            } else {
                None
            };
            let b = if order.is_ge() { now_left.next() } else { None };
            match (a, b) {
                (Some(a), Some(b)) => {
                    self.kept += 1;
                    self.note_move(a.at, b.at);
                }
                (Some(a), None) => removed.push(a.at),
                (None, Some(b)) => added.push(b.at),
                (None, None) => {}
            }
        }
        removed.sort_unstable();
        added.sort_unstable();
        // A question that lost an answer and got another one has changed.
        let changed = removed.len().min(added.len());
        for (from, to) in removed.iter().zip(&added) {
            let (from, to) = (*from, *to);
            self.changed.add(RowMove { from, to });
            self.note_move(from, to);
        }
        for at in removed.into_iter().skip(changed) {
            self.removed.add(at);
        }
        for at in added.into_iter().skip(changed) {
            self.added.add(at);
        }
        self.find_leaks(before, now);
    }

    /// Notes a question that is in another file than before.
    fn note_move(&mut self, from: RowLocation, to: RowLocation) {
        let has_parts = !from.part.is_single() && !to.part.is_single();
        if has_parts && from.part != to.part {
            self.moved.add(RowMove { from, to });
        }
    }

    fn find_leaks(&mut self, before: &[RowRef], now: &[RowRef]) {
        let trained = before.iter().filter(|row| row.at.part == RowFile::Train);
        let Some(from) = trained.map(|row| row.at).min() else {
            return;
        };
        for row in now.iter().filter(|row| row.at.part == RowFile::Eval) {
            self.leaks.add(RowMove { from, to: row.at });
        }
    }
}

impl<T> Default for RowList<T> {
    fn default() -> Self {
        Self {
            rows: 0,
            first: Vec::new(),
        }
    }
}

impl<T: Ord> RowList<T> {
    /// Counts a row, and lists it if it is one of the first.
    fn add(&mut self, row: T) {
        self.rows += 1;
        let index = self.first.partition_point(|earlier| *earlier < row);
        if index < FIRST_MAX {
            self.first.insert(index, row);
            self.first.truncate(FIRST_MAX);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clean_engine::Identity;

    use super::{
        super::{profile::SideProfile, side::RecipePrompt},
        *,
    };

    /// A side of `(file, question, answer)`, one per line in each file.
    pub(in super::super) fn side(name: &str, rows: &[(RowFile, u64, u64)]) -> DiffSide {
        let mut lines: BTreeMap<RowFile, u32> = BTreeMap::new();
        let row = |(part, question, answer): &(RowFile, u64, u64)| {
            let line = lines.entry(*part).or_default();
            *line += 1;
            RowRef {
                identity: Identity {
                    question: *question,
                    answer: *answer,
                },
                at: RowLocation {
                    part: *part,
                    line: *line,
                },
            }
        };
        DiffSide {
            name: name.to_owned(),
            rows: rows.iter().map(row).collect(),
            unread: 0,
            profile: SideProfile::default(),
            prompt: RecipePrompt::default(),
        }
    }

    /// Kept, added, removed, changed, moved, leaked.
    #[track_caller]
    fn check(a: &[(RowFile, u64, u64)], b: &[(RowFile, u64, u64)], expected: [u64; 6]) {
        let found = diff(side("a", a), side("b", b));
        let figures = [
            found.kept,
            found.added.rows,
            found.removed.rows,
            found.changed.rows,
            found.moved.rows,
            found.leaks.rows,
        ];
        assert_eq!(figures, expected, "{a:?} {b:?}");
        assert_eq!(found.same, expected[1..5] == [0; 4]);
    }

    #[test]
    fn every_kind_of_change_is_counted() {
        use RowFile::{Eval, Single, Train};
        check(&[], &[], [0, 0, 0, 0, 0, 0]);
        let two = [(Train, 1, 1), (Train, 2, 2)];
        check(&two, &[(Train, 2, 2), (Train, 1, 1)], [2, 0, 0, 0, 0, 0]);
        check(&two, &[(Train, 1, 1), (Train, 3, 3)], [1, 1, 1, 0, 0, 0]);
        check(&two, &[(Train, 1, 1), (Train, 2, 9)], [1, 0, 0, 1, 0, 0]);
        check(&two, &[(Train, 1, 1), (Eval, 2, 2)], [2, 0, 0, 0, 1, 1]);
        check(&two, &[(Train, 1, 1), (Eval, 2, 9)], [1, 0, 0, 1, 1, 1]);
        check(&[(Eval, 1, 1)], &[(Train, 1, 1)], [1, 0, 0, 0, 1, 0]);
        check(&[(Single, 1, 1)], &[(Eval, 1, 1)], [1, 0, 0, 0, 0, 0]);
        // Duplicates, and questions with several answers.
        check(&[(Single, 1, 1); 3], &[(Single, 1, 1)], [1, 0, 2, 0, 0, 0]);
        check(
            &[(Train, 1, 1), (Train, 1, 2), (Train, 1, 3)],
            &[(Train, 1, 2), (Train, 1, 4)],
            [1, 0, 1, 1, 0, 0],
        );
    }

    #[test]
    fn the_first_rows_of_a_kind_are_listed() {
        let many: Vec<_> = (0..20)
            .map(|n: u64| (RowFile::Train, n * 7 % 20, n))
            .collect();
        let found = diff(side("a", &[]), side("b", &many));
        let lines: Vec<u32> = found.added.first.iter().map(|at| at.line).collect();
        assert_eq!((found.added.rows, lines), (20, vec![1, 2, 3, 4, 5]));
    }
}
