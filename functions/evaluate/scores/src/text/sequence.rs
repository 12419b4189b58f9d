//! The longest common subsequence, 64 positions at a time.
//!
//! Source: Hyyrö, "Bit-parallel LCS-length computation revisited", 2004. A column of the table of
//! lengths is kept as bits: where a bit is 0, the length grows from one position of the pattern to the
//! next.

/// Buffers, used again from pair to pair.
#[derive(Debug, Default)]
pub(crate) struct LcsBuffers {
    /// For each symbol, one more than its row in `masks`; 0 where the pattern does not have it. All 0
    /// between calls.
    rows: Vec<u32>,
    /// A row of bits for each symbol of the pattern: the positions where it stands.
    masks: Vec<u64>,
    column: Vec<u64>,
    columns: Vec<u64>,
}

impl LcsBuffers {
    /// The length of the longest common subsequence. All symbols are below `symbols`.
    pub(crate) fn length(&mut self, one: &[u32], other: &[u32], symbols: usize) -> usize {
        let (prefix, one, other) = without_common_prefix(one, other);
        let (suffix, one, other) = without_common_suffix(one, other);
        let (pattern, text) = if one.len() <= other.len() {
            (one, other)
        } else {
            (other, one)
        };
        let middle = if pattern.is_empty() {
            0
        } else {
            let width = self.set_masks(pattern, symbols);
            let length = match width {
                1 => self.narrow(text),
                2 => self.double(text),
                _ => self.wide(text, width),
            };
            self.clear_rows(pattern);
            length
        };
        prefix + middle + suffix
    }

    /// Marks the positions in `reference` of one longest common subsequence: of several, the one that
    /// `rouge_score` reads out of its table.
    pub(crate) fn mark(
        &mut self,
        reference: &[u32],
        candidate: &[u32],
        symbols: usize,
        marked: &mut [bool],
    ) {
        let width = self.set_masks(reference, symbols);
        self.column.clear();
        self.column.resize(width, u64::MAX);
        self.columns.clear();
        for symbol in candidate {
            self.step(*symbol, width);
            self.columns.extend_from_slice(&self.column);
        }
        self.clear_rows(reference);
        let (mut i, mut j) = (reference.len(), candidate.len());
        while let (Some(row), Some(column)) = (i.checked_sub(1), j.checked_sub(1)) {
            if reference.get(row) == candidate.get(column) {
                if let Some(mark) = marked.get_mut(row) {
                    *mark = true;
                }
                (i, j) = (row, column);
                continue;
            }
            // At a mismatch the length grows towards this position of the reference exactly where the
            // cell to the left holds more than the one above.
            let word = self.columns.get(column * width + row / 64);
            let grows = word.is_some_and(|word| word >> (row % 64) & 1 == 0);
            if grows {
                j = column;
            } else {
                i = row;
            }
        }
    }

    /// Builds the masks of the pattern; returns the number of words in a row.
    fn set_masks(&mut self, pattern: &[u32], symbols: usize) -> usize {
        if self.rows.len() < symbols {
            self.rows.resize(symbols.next_power_of_two(), 0);
        }
        let width = pattern.len().div_ceil(64);
        self.masks.clear();
        let mut used = 0;
        for (position, symbol) in pattern.iter().enumerate() {
            let Some(row) = self.rows.get_mut(*symbol as usize) else {
                continue;
            };
            if *row == 0 {
                used += 1;
                *row = used;
                self.masks.resize(used as usize * width, 0);
            }
            let word = (*row as usize - 1) * width + position / 64;
            if let Some(mask) = self.masks.get_mut(word) {
                *mask |= 1 << (position % 64);
            }
        }
        width
    }

    fn clear_rows(&mut self, pattern: &[u32]) {
        for symbol in pattern {
            if let Some(row) = self.rows.get_mut(*symbol as usize) {
                *row = 0;
            }
        }
    }

    /// The row of a symbol, if the pattern has it.
    #[inline]
    fn row(&self, symbol: u32) -> Option<usize> {
        let row = *self.rows.get(symbol as usize)?;
        (row as usize).checked_sub(1)
    }

    fn narrow(&self, text: &[u32]) -> usize {
        let rows = text.iter().filter_map(|symbol| self.row(*symbol));
        let masks = rows.filter_map(|row| self.masks.get(row));
        let column = masks.fold(u64::MAX, |column, mask| {
            column.wrapping_add(column & mask) | (column & !mask)
        });
        column.count_zeros() as usize
    }

    fn double(&self, text: &[u32]) -> usize {
        let rows = text.iter().filter_map(|symbol| self.row(*symbol));
        let (pairs, _none) = self.masks.as_chunks::<2>();
        let column =
            rows.filter_map(|row| pairs.get(row))
                .fold(u128::MAX, |column, [low, high]| {
                    let mask = u128::from(*low) | u128::from(*high) << 64;
                    column.wrapping_add(column & mask) | (column & !mask)
                });
        column.count_zeros() as usize
    }

    fn wide(&mut self, text: &[u32], width: usize) -> usize {
        self.column.clear();
        self.column.resize(width, u64::MAX);
        for symbol in text {
            self.step(*symbol, width);
        }
        let zeros = self.column.iter().map(|word| word.count_zeros() as usize);
        zeros.sum()
    }

    /// One symbol of the text.
    #[inline]
    fn step(&mut self, symbol: u32, width: usize) {
        let Some(row) = self.row(symbol) else {
            return;
        };
        let masks = self.masks.get(row * width..(row + 1) * width);
        let mut carry = false;
        for (word, mask) in self.column.iter_mut().zip(masks.unwrap_or_default()) {
            let (sum, over) = word.overflowing_add(*word & mask);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            carry = over || over_again;
            *word = sum | (*word & !mask);
        }
    }
}

/// The length of the common prefix, and both without it.
fn without_common_prefix<'a>(one: &'a [u32], other: &'a [u32]) -> (usize, &'a [u32], &'a [u32]) {
    let length = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let rest = |it: &'a [u32]| it.get(length..).unwrap_or_default();
    (length, rest(one), rest(other))
}

/// The length of the common suffix, and both without it.
fn without_common_suffix<'a>(one: &'a [u32], other: &'a [u32]) -> (usize, &'a [u32], &'a [u32]) {
    let pairs = one.iter().rev().zip(other.iter().rev());
    let length = pairs.take_while(|(a, b)| a == b).count();
    let rest = |it: &'a [u32]| it.get(..it.len() - length).unwrap_or_default();
    (length, rest(one), rest(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of the textbook, and the positions in `one` that `rouge_score` reads out of it.
    fn table(one: &[u32], other: &[u32]) -> (usize, Vec<bool>) {
        let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
        for (i, a) in one.iter().enumerate() {
            for (j, b) in other.iter().enumerate() {
                table[i + 1][j + 1] = if a == b {
                    table[i][j] + 1
                } else {
                    table[i][j + 1].max(table[i + 1][j])
                };
            }
        }
        let mut marked = vec![false; one.len()];
        let (mut i, mut j) = (one.len(), other.len());
        while i > 0 && j > 0 {
            if one[i - 1] == other[j - 1] {
                marked[i - 1] = true;
                (i, j) = (i - 1, j - 1);
            } else if table[i][j - 1] > table[i - 1][j] {
                j -= 1;
            } else {
                i -= 1;
            }
        }
        (table[one.len()][other.len()], marked)
    }

    proptest! {
        #[test]
        fn lengths_and_positions_are_those_of_the_table(
            one in proptest::collection::vec(0_u32..6, 0..200),
            other in proptest::collection::vec(0_u32..8, 0..200),
        ) {
            let mut buffers = LcsBuffers::default();
            let (length, positions) = table(&one, &other);
            prop_assert_eq!(buffers.length(&one, &other, 8), length);
            let mut marked = vec![false; one.len()];
            buffers.mark(&one, &other, 8, &mut marked);
            prop_assert_eq!(marked, positions);
            prop_assert_eq!(buffers.length(&other, &one, 8), length);
        }
    }
}
