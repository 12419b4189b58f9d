//! How many n-grams two sequences share: the count that ROUGE, BLEU and chrF are made of.

/// The most symbols of an n-gram: 21 bits each, in one integer.
pub(crate) const ORDER_MAX: usize = 6;
/// Bits of a symbol: enough for a character, and for two million different words.
const SYMBOL_BITS: u32 = 21;

/// Shared n-grams and how many each side has, for the orders from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OverlapCounts {
    /// N-grams of both, each counted at most as often as the reference has it.
    pub(crate) shared: [u64; ORDER_MAX],
    /// N-grams of the prediction.
    pub(crate) prediction: [u64; ORDER_MAX],
    /// N-grams of the reference.
    pub(crate) reference: [u64; ORDER_MAX],
}

impl OverlapCounts {
    /// The counts of both together.
    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.shared, &other.shared),
            (&mut self.prediction, &other.prediction),
            (&mut self.reference, &other.reference),
        ];
        for (sums, counts) in pairs {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }
}

/// A hash table of the n-grams of a reference. Entries of earlier references stay in it, and count as
/// absent by their epoch, so that nothing is cleared between pairs.
#[derive(Debug, Default)]
pub(crate) struct NgramTable {
    slots: Vec<Slot>,
    epoch: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u128,
    epoch: u32,
    left: u32,
}

impl NgramTable {
    /// Counts the n-grams of `orders` symbols and fewer. Symbols are below 2²¹ − 1.
    pub(crate) fn overlap(
        &mut self,
        prediction: &[u32],
        reference: &[u32],
        orders: usize,
    ) -> OverlapCounts {
        let orders = orders.min(ORDER_MAX);
        self.start(reference.len() * orders);
        let mut counts = OverlapCounts::default();
        set_totals(&mut counts.prediction, prediction.len(), orders);
        set_totals(&mut counts.reference, reference.len(), orders);
        for start in 0..reference.len() {
            let mut key = 0;
            for symbol in reference.iter().skip(start).take(orders) {
                key = extend(key, *symbol);
                self.insert(key);
            }
        }
        for start in 0..prediction.len() {
            let mut key = 0;
            let symbols = prediction.iter().skip(start).take(orders);
            for (symbol, shared) in symbols.zip(&mut counts.shared) {
                key = extend(key, *symbol);
                match self.take(key) {
                    Taken::Absent => break,
                    Taken::UsedUp => {}
                    Taken::One => *shared += 1,
                }
            }
        }
        counts
    }

    /// Empties the table and makes room for that many n-grams.
    fn start(&mut self, ngrams: usize) {
        let size = (ngrams * 2).next_power_of_two().max(256);
        if self.slots.len() < size || self.epoch == u32::MAX {
            self.slots.clear();
            self.slots.resize(size, Slot::default());
            self.epoch = 0;
        }
        self.epoch += 1;
    }

    /// The slot of a key, or the free one where it would be.
    #[inline]
    fn slot(&mut self, key: u128) -> Option<&mut Slot> {
        let mask = self.slots.len() - 1;
        let mut index = hash(key) & mask;
        // At most half of the slots are used, so a free one is found.
        loop {
            let slot = self.slots.get(index)?;
            if slot.epoch != self.epoch || slot.key == key {
                return self.slots.get_mut(index);
            }
            index = (index + 1) & mask;
        }
    }

    #[inline]
    fn insert(&mut self, key: u128) {
        let epoch = self.epoch;
        if let Some(slot) = self.slot(key) {
            if slot.epoch == epoch {
                slot.left += 1;
            } else {
                *slot = Slot {
                    key,
                    epoch,
                    left: 1,
                };
            }
        }
    }

    #[inline]
    fn take(&mut self, key: u128) -> Taken {
        let epoch = self.epoch;
        match self.slot(key) {
            Some(slot) if slot.epoch == epoch => match slot.left.checked_sub(1) {
                Some(left) => {
                    slot.left = left;
                    Taken::One
                }
                None => Taken::UsedUp,
            },
            Some(_) | None => Taken::Absent,
        }
    }
}

/// What a reference has of an n-gram.
enum Taken {
    One,
    /// It has the n-gram, less often than the prediction: longer ones may still be in it.
    UsedUp,
    Absent,
}

/// One symbol more. Symbols are counted from 1, so that keys of different lengths differ.
#[inline]
fn extend(key: u128, symbol: u32) -> u128 {
    key << SYMBOL_BITS | u128::from(symbol + 1)
}

/// Mixes both halves by one multiplication.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves of an integer")]
fn hash(key: u128) -> usize {
    let low = key as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let high = (key >> 64) as u64 ^ 0xd1b5_4a32_d192_ed03;
    let product = u128::from(low) * u128::from(high);
    (product as u64 ^ (product >> 64) as u64) as usize
}

fn set_totals(totals: &mut [u64; ORDER_MAX], length: usize, orders: usize) {
    for (total, order) in totals.iter_mut().zip(1..=orders) {
        *total = (length + 1).saturating_sub(order) as u64;
    }
}

/// How often each word of a reference is left, by its number. All 0 between calls.
#[derive(Debug, Default)]
pub(crate) struct WordTally {
    left: Vec<u32>,
}

impl WordTally {
    /// Counts the words of both sides, each at most as often as the reference has it.
    pub(crate) fn shared(&mut self, prediction: &[u32], reference: &[u32], symbols: usize) -> u64 {
        if self.left.len() < symbols {
            self.left.resize(symbols.next_power_of_two(), 0);
        }
        for symbol in reference {
            if let Some(left) = self.left.get_mut(*symbol as usize) {
                *left += 1;
            }
        }
        let mut shared = 0;
        for symbol in prediction {
            if let Some(left) = self.left.get_mut(*symbol as usize) {
                shared += u64::from(*left > 0);
                *left = left.saturating_sub(1);
            }
        }
        for symbol in reference {
            if let Some(left) = self.left.get_mut(*symbol as usize) {
                *left = 0;
            }
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn plain(prediction: &[u32], reference: &[u32], order: usize) -> u64 {
        let mut left: HashMap<&[u32], u64> = HashMap::new();
        for ngram in reference.windows(order) {
            *left.entry(ngram).or_default() += 1;
        }
        let mut shared = 0;
        for ngram in prediction.windows(order) {
            if let Some(count) = left.get_mut(ngram).filter(|count| **count > 0) {
                *count -= 1;
                shared += 1;
            }
        }
        shared
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_plain_table(
            prediction in proptest::collection::vec(0_u32..4, 0..40),
            reference in proptest::collection::vec(0_u32..4, 0..40),
        ) {
            let mut table = NgramTable::default();
            for _ in 0..2 {
                let counts = table.overlap(&prediction, &reference, ORDER_MAX);
                for order in 1..=ORDER_MAX {
                    prop_assert_eq!(counts.shared[order - 1], plain(&prediction, &reference, order));
                    let total = prediction.windows(order).count() as u64;
                    prop_assert_eq!(counts.prediction[order - 1], total);
                }
            }
        }
    }
}
