//! The set of distinct rows: finds repeats, and questions with different answers.
//!
//! One table serves both. It takes 20 bytes for each distinct row and one control byte; with the
//! load factor, and with tables that double, that is 24 to 48 bytes. Shards of different sizes
//! double at different times. This keeps the total near the mean of 35 bytes at any number of rows,
//! and every pause short.

use hashbrown::HashTable;

use crate::dedup_index::Lookup;

/// Tables that rows are spread over.
const SHARDS: u32 = 64;

/// Answers to one question that are found by the question alone. A question with a million answers
/// must not make every lookup walk past all of them.
const ANSWERS_TOGETHER: usize = 8;

/// Every distinct row so far.
#[derive(Debug)]
pub(super) struct SeenSet {
    /// By question.
    shards: Vec<HashTable<SeenRow>>,
    /// By question and answer: further answers to questions that have many.
    overflow: HashTable<SeenRow>,
    /// Bytes of all tables.
    bytes: usize,
}

/// A row in five words: aligned to eight bytes it would take a sixth more memory.
#[derive(Debug, Clone, Copy)]
struct SeenRow([u32; 5]);

impl SeenRow {
    fn new(input: u64, output: u64, line: u32) -> Self {
        let (a, b) = halves(input);
        let (c, d) = halves(output);
        Self([a, b, c, d, line])
    }

    fn input(self) -> u64 {
        let [a, b, ..] = self.0;
        u64::from(a) << 32 | u64::from(b)
    }

    fn output(self) -> u64 {
        let [_, _, c, d, _] = self.0;
        u64::from(c) << 32 | u64::from(d)
    }

    /// The digest of the answer, without how the row is written.
    fn answer(self) -> u32 {
        let [_, _, answer, ..] = self.0;
        answer
    }

    /// A hash of question and answer.
    fn both(self) -> u64 {
        self.input() ^ self.output().rotate_left(32)
    }

    /// Whether question and answer are equal.
    fn is(self, other: Self) -> bool {
        self.input() == other.input() && self.output() == other.output()
    }

    fn line(self) -> u32 {
        let [.., line] = self.0;
        line
    }
}

fn halves(word: u64) -> (u32, u32) {
    let low = u32::try_from(word & u64::from(u32::MAX)).unwrap_or_default();
    let high = u32::try_from(word >> 32).unwrap_or_default();
    (high, low)
}

impl Default for SeenSet {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| HashTable::new()).collect(),
            overflow: HashTable::new(),
            bytes: 0,
        }
    }
}

impl SeenSet {
    /// Bytes of memory in use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Every distinct row as question, answer and line; in no particular order.
    pub(super) fn into_rows(self) -> impl Iterator<Item = (u64, u64, u32)> {
        let tables = self.shards.into_iter().chain([self.overflow]);
        tables
            .flatten()
            .map(|row| (row.input(), row.output(), row.line()))
    }

    /// Looks up a row with question `input`, and with the answer and the way of writing of `output`
    /// (its upper and its lower half), and adds it; lines come in order.
    pub(super) fn check(&mut self, input: u64, output: u64, line: u32) -> Lookup {
        let Some(shard) = self.shards.get_mut(shard(input)) else {
            return Lookup::New;
        };
        // The first row with the same question, and the one with the same answer as well.
        let row = SeenRow::new(input, output, line);
        let (mut first, mut same) = (None::<SeenRow>, None::<SeenRow>);
        let mut rewritten = None::<SeenRow>;
        let mut answers = 0;
        for other in shard.iter_hash(input).filter(|row| row.input() == input) {
            let is_earlier =
                |known: &Option<SeenRow>| known.is_none_or(|known| other.line() < known.line());
            if other.output() == output {
                same = Some(*other);
            } else if other.answer() == row.answer() && is_earlier(&rewritten) {
                rewritten = Some(*other);
            } else if other.answer() != row.answer() && is_earlier(&first) {
                first = Some(*other);
            }
            answers += 1;
        }
        if same.is_none() && answers >= ANSWERS_TOGETHER {
            same = self
                .overflow
                .find(row.both(), |other| other.is(row))
                .copied();
            if same.is_none() {
                insert(&mut self.overflow, &mut self.bytes, row, SeenRow::both);
            }
        } else if same.is_none() {
            insert(shard, &mut self.bytes, row, SeenRow::input);
        }
        match (same, first, rewritten) {
            (Some(same), ..) => Lookup::Repeat(same.line()),
            (None, Some(first), _) => Lookup::Contradiction(first.line()),
            (None, None, Some(rewritten)) => Lookup::Rewritten(rewritten.line()),
            (None, None, None) => Lookup::New,
        }
    }
}

fn insert(
    table: &mut HashTable<SeenRow>,
    bytes: &mut usize,
    row: SeenRow,
    hash: fn(SeenRow) -> u64,
) {
    let before = table.allocation_size();
    table.insert_unique(hash(row), row, |row| hash(*row));
    *bytes = *bytes + table.allocation_size() - before;
}

/// The shard of a row: later shards get more rows, up to twice as many as the first.
fn shard(input: u64) -> usize {
    // The lowest and the highest seven bits are used by the table itself.
    let [.., a, b, c, d, _] = input.to_le_bytes();
    let place = f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX);
    // The share of shards below `s` is (2^(s/SHARDS) - 1); this is its inverse.
    let shard = (1.0 + place).log2() * f64::from(SHARDS);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to SHARDS"
    )]
    let shard = shard as usize;
    shard.min(SHARDS as usize - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twox_hash::XxHash3_64;

    use super::*;

    fn hash(word: u64) -> u64 {
        XxHash3_64::oneshot(&word.to_le_bytes())
    }

    proptest! {
        #[test]
        fn repeats_and_contradictions_are_those_of_a_plain_search(rows in prop::collection::vec((0..6_u64, 0..30_u64), 0..200)) {
            let mut seen = SeenSet::default();
            for (line, (input, output)) in rows.iter().enumerate() {
                let before = rows.get(..line).unwrap_or_default();
                let find = |is: &dyn Fn(&(u64, u64)) -> bool| before.iter().position(is).map(|at| u32::try_from(at).unwrap());
                let expected = match (find(&|row| row == &(*input, *output)), find(&|row| row.0 == *input)) {
                    (Some(same), _) => Lookup::Repeat(same),
                    (None, Some(first)) => Lookup::Contradiction(first),
                    (None, None) => Lookup::New,
                };
                let found_earlier = seen.check(hash(*input), hash(*output), u32::try_from(line).unwrap());
                prop_assert_eq!(found_earlier, expected);
            }
        }
    }

    #[test]
    fn a_row_takes_less_than_forty_bytes_at_any_number() {
        let mut seen = SeenSet::default();
        for row in 1..=100_000_u32 {
            seen.check(hash(row.into()), 0, row);
            if row > 10_000 && row % 1_000 == 0 {
                let each = f64::from(u32::try_from(seen.bytes()).unwrap()) / f64::from(row);
                assert!(each < 40.0, "{each} bytes for each of {row} rows");
            }
        }
    }
}
