//! What is between two sides: rows in one and not in the other, rows that moved, questions that
//! are answered otherwise.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;

use super::side::{At, Part, Row, Side};

/// First rows that are named of every kind.
const FIRST_MAX: usize = 5;

/// What is between two sides. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// Whether the same rows are in the same parts.
    pub(super) same: bool,
    /// What was before.
    pub(super) a: Summary,
    /// What is now.
    pub(super) b: Summary,
    /// Rows on both sides.
    pub(super) kept: u64,
    /// Rows of B alone.
    pub(super) added: Found<At>,
    /// Rows of A alone.
    pub(super) removed: Found<At>,
    /// Questions on both sides with another answer.
    pub(super) changed: Found<Step>,
    /// Questions on both sides in another part; none where a side has no parts.
    pub(super) moved: Found<Step>,
    /// Questions that A trains on and B compares models with: a model tuned on A knows them.
    pub(super) leaks: Found<Step>,
}

/// A side in figures.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// What it was asked for by.
    pub(super) name: String,
    /// Its rows by part.
    pub(super) parts: BTreeMap<Part, u64>,
    /// Lines that are no row of a format known, and were not compared.
    pub(super) unread: u64,
}

/// Rows of one kind: how many, and the first of them.
#[derive(Debug, Serialize)]
pub(super) struct Found<T> {
    /// How many.
    pub(super) rows: u64,
    /// The first, in the order of parts and lines.
    pub(super) first: Vec<T>,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Step {
    /// In A.
    pub(super) from: At,
    /// In B.
    pub(super) to: At,
}

/// Compares two sides.
pub(super) fn compare(mut a: Side, mut b: Side) -> Comparison {
    let summary = |side: &Side| Summary {
        name: side.name.clone(),
        parts: side.parts(),
        unread: side.unread,
    };
    let mut found = Comparison {
        same: false,
        a: summary(&a),
        b: summary(&b),
        kept: 0,
        added: Found::default(),
        removed: Found::default(),
        changed: Found::default(),
        moved: Found::default(),
        leaks: Found::default(),
    };
    a.rows.sort_unstable();
    b.rows.sort_unstable();
    let same_question = |one: &Row, other: &Row| one.identity.question == other.identity.question;
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
    found.same = differences.iter().all(|rows| *rows == 0);
    found
}

fn question(rows: &[Row]) -> Option<u64> {
    rows.first().map(|row| row.identity.question)
}

impl Comparison {
    /// Takes all rows that ask the same question, each side sorted by answer.
    fn question(&mut self, before: &[Row], now: &[Row]) {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
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
                    self.step(a.at, b.at);
                }
                (Some(a), None) => gone.push(a.at),
                (None, Some(b)) => come.push(b.at),
                (None, None) => {}
            }
        }
        gone.sort_unstable();
        come.sort_unstable();
        let changed = gone.len().min(come.len());
        for (from, to) in gone.iter().zip(&come) {
            let (from, to) = (*from, *to);
            self.changed.add(Step { from, to });
            self.step(from, to);
        }
        for at in gone.into_iter().skip(changed) {
            self.removed.add(at);
        }
        for at in come.into_iter().skip(changed) {
            self.added.add(at);
        }
        self.look_for_leaks(before, now);
    }

    /// Notes a question that is in another part than before.
    fn step(&mut self, from: At, to: At) {
        let has_parts = from.part != Part::File && to.part != Part::File;
        if has_parts && from.part != to.part {
            self.moved.add(Step { from, to });
        }
    }

    fn look_for_leaks(&mut self, before: &[Row], now: &[Row]) {
        let trained = before.iter().filter(|row| row.at.part == Part::Train);
        let Some(from) = trained.map(|row| row.at).min() else {
            return;
        };
        for row in now.iter().filter(|row| row.at.part == Part::Eval) {
            self.leaks.add(Step { from, to: row.at });
        }
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self {
            rows: 0,
            first: Vec::new(),
        }
    }
}

impl<T: Ord> Found<T> {
    /// Counts a row, and names it if it is one of the first.
    fn add(&mut self, row: T) {
        self.rows += 1;
        let place = self.first.partition_point(|earlier| *earlier < row);
        if place < FIRST_MAX {
            self.first.insert(place, row);
            self.first.truncate(FIRST_MAX);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clean_engine::Identity;

    use super::*;

    /// A side of `(part, question, answer)`, one a line in each part.
    pub(in super::super) fn side(name: &str, rows: &[(Part, u64, u64)]) -> Side {
        let mut lines: BTreeMap<Part, u32> = BTreeMap::new();
        let row = |(part, question, answer): &(Part, u64, u64)| {
            let line = lines.entry(*part).or_default();
            *line += 1;
            Row {
                identity: Identity {
                    question: *question,
                    answer: *answer,
                },
                at: At {
                    part: *part,
                    line: *line,
                },
            }
        };
        Side {
            name: name.to_owned(),
            rows: rows.iter().map(row).collect(),
            unread: 0,
        }
    }

    /// Kept, added, removed, changed, moved, leaked.
    #[track_caller]
    fn check(a: &[(Part, u64, u64)], b: &[(Part, u64, u64)], expected: [u64; 6]) {
        let found = compare(side("a", a), side("b", b));
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
    fn rows_are_told_by_their_fate() {
        use Part::{Eval, File, Train};
        check(&[], &[], [0, 0, 0, 0, 0, 0]);
        let two = [(Train, 1, 1), (Train, 2, 2)];
        check(&two, &[(Train, 2, 2), (Train, 1, 1)], [2, 0, 0, 0, 0, 0]);
        check(&two, &[(Train, 1, 1), (Train, 3, 3)], [1, 1, 1, 0, 0, 0]);
        check(&two, &[(Train, 1, 1), (Train, 2, 9)], [1, 0, 0, 1, 0, 0]);
        check(&two, &[(Train, 1, 1), (Eval, 2, 2)], [2, 0, 0, 0, 1, 1]);
        check(&two, &[(Train, 1, 1), (Eval, 2, 9)], [1, 0, 0, 1, 1, 1]);
        check(&[(Eval, 1, 1)], &[(Train, 1, 1)], [1, 0, 0, 0, 1, 0]);
        check(&[(File, 1, 1)], &[(Eval, 1, 1)], [1, 0, 0, 0, 0, 0]);
        // Repeats, and questions with several answers.
        check(&[(File, 1, 1); 3], &[(File, 1, 1)], [1, 0, 2, 0, 0, 0]);
        check(
            &[(Train, 1, 1), (Train, 1, 2), (Train, 1, 3)],
            &[(Train, 1, 2), (Train, 1, 4)],
            [1, 0, 1, 1, 0, 0],
        );
    }

    #[test]
    fn the_first_rows_of_a_kind_are_named() {
        let many: Vec<_> = (0..20).map(|n: u64| (Part::Train, n * 7 % 20, n)).collect();
        let found = compare(side("a", &[]), side("b", &many));
        let lines: Vec<u32> = found.added.first.iter().map(|at| at.line).collect();
        assert_eq!((found.added.rows, lines), (20, vec![1, 2, 3, 4, 5]));
    }
}
