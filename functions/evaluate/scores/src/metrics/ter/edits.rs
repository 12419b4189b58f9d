//! The edit distance of TER: computed near the diagonal only, with the edits that lead to it.

use std::cmp::Ordering;

/// How far from the diagonal cells are computed, unless the lengths differ so much that rows would not
/// overlap.
const BEAM: usize = 25;
/// The cost of a cell that was not computed.
const UNREACHED: u64 = 10_000_000_000_000_000;

/// The last edit on the way to a cell, from the prediction to the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextEdit {
    Keep,
    Replace,
    /// A word of the reference is inserted.
    Insert,
    /// A word of the prediction is deleted.
    Delete,
    /// The cell was not computed.
    Unreached,
}

type Cell = (u64, TextEdit);

/// The table of distances of one prediction, kept to compute those of similar ones.
#[derive(Debug)]
pub(super) struct EditTable<'a> {
    reference: &'a [u32],
    prediction: Vec<u32>,
    rows: Vec<Vec<Cell>>,
}

impl<'a> EditTable<'a> {
    /// The table of `prediction`.
    pub(super) fn new(prediction: &[u32], reference: &'a [u32]) -> Self {
        let first = (0..=reference.len() as u64).map(|cost| (cost, TextEdit::Insert));
        let mut table = Self {
            reference,
            prediction: Vec::new(),
            rows: vec![first.collect()],
        };
        table.set(prediction);
        table
    }

    /// The words that the table is of.
    pub(super) fn prediction(&self) -> &[u32] {
        &self.prediction
    }

    /// Changes the prediction. Rows of words before the first change stay; the length must too.
    pub(super) fn set(&mut self, prediction: &[u32]) {
        let pairs = self.prediction.iter().zip(prediction);
        let same = pairs.take_while(|(one, other)| one == other).count();
        self.rows.truncate(same + 1);
        self.prediction.clear();
        self.prediction.extend_from_slice(prediction);
        for (index, word) in prediction.iter().enumerate().skip(same) {
            let row = self.row(index + 1, *word, prediction.len());
            self.rows.push(row);
        }
    }

    /// The number of edits.
    pub(super) fn distance(&self) -> u64 {
        let corner = self.rows.last().and_then(|row| row.last());
        corner.map_or(UNREACHED, |(cost, _)| *cost)
    }

    /// The edits from the first word to the last.
    pub(super) fn edits(&self) -> Vec<TextEdit> {
        let (mut i, mut j) = (self.prediction.len(), self.reference.len());
        let mut edits = Vec::with_capacity(i + j);
        while i > 0 || j > 0 {
            let cell = self.rows.get(i).and_then(|row| row.get(j));
            let edit = cell.map_or(TextEdit::Unreached, |(_, edit)| *edit);
            let (up, left) = match edit {
                TextEdit::Keep | TextEdit::Replace => (1, 1),
                TextEdit::Insert => (0, 1),
                TextEdit::Delete => (1, 0),
                TextEdit::Unreached => break,
            };
            let (Some(above), Some(before)) = (i.checked_sub(up), j.checked_sub(left)) else {
                break;
            };
            edits.push(edit);
            (i, j) = (above, before);
        }
        edits.reverse();
        edits
    }

    /// The row after `index` words of `length`, the last of which is `word`.
    fn row(&self, index: usize, word: u32, length: usize) -> Vec<Cell> {
        let width = self.reference.len() + 1;
        let mut row = vec![(UNREACHED, TextEdit::Unreached); width];
        let above = self.rows.get(index - 1).map(Vec::as_slice);
        let above = above.unwrap_or_default();
        let (from, to) = beam(index, length, self.reference.len());
        let mut left = UNREACHED;
        let mut diagonal = from.checked_sub(1).and_then(|j| above.get(j));
        let cells = row.iter_mut().zip(above).enumerate();
        for (j, (cell, up)) in cells.take(to).skip(from) {
            let compared = j.checked_sub(1).and_then(|j| self.reference.get(j));
            *cell = match (compared, diagonal) {
                (Some(other), Some((cost, _))) => {
                    let across = match other.cmp(&word) {
                        Ordering::Equal => (*cost, TextEdit::Keep),
                        Ordering::Less | Ordering::Greater => (cost + 1, TextEdit::Replace),
                    };
                    // The first of equal costs, in this order, and none at or above unreached.
                    let ways = [
                        across,
                        (up.0 + 1, TextEdit::Delete),
                        (left + 1, TextEdit::Insert),
                    ];
                    let start = (UNREACHED, TextEdit::Unreached);
                    ways.into_iter()
                        .fold(start, |best, way| if way.0 < best.0 { way } else { best })
                }
                _ => (up.0 + 1, TextEdit::Delete),
            };
            left = cell.0;
            diagonal = Some(up);
        }
        row
    }
}

/// The columns of a row that are computed: around the diagonal of the two lengths. The last row is
/// computed to its end.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of texts, and their ratio, are small and not negative"
)]
fn beam(index: usize, length: usize, reference: usize) -> (usize, usize) {
    let ratio = reference as f64 / length as f64;
    let width = if (BEAM as f64) < ratio / 2.0 {
        (ratio / 2.0 + BEAM as f64).ceil() as usize
    } else {
        BEAM
    };
    let diagonal = (index as f64 * ratio).floor() as usize;
    let to = if index == length {
        reference + 1
    } else {
        (diagonal + width).min(reference + 1)
    };
    (diagonal.saturating_sub(width), to)
}
